"""The delivery service of DAVE, Discord's end-to-end encryption: nobody is left out of the group when others leave."""

from __future__ import annotations

from sandbox.voice.dave_delivery import DaveDelivery
from sandbox.voice.ops import VoiceOp


def join(delivery: DaveDelivery, user: int) -> list[VoiceOp]:
    """A client arrives and asks to join. Returns the opcodes of the messages that are sent because it asks."""
    delivery.arrive(user)
    return [message.op for message in delivery.key_package(user, b"key package")]


def test_a_client_founds_the_group_if_nobody_is_left_to_commit_its_addition() -> None:
    delivery = DaveDelivery(1)
    assert join(delivery, 11) == []
    assert join(delivery, 22) == [VoiceOp.PROPOSALS]
    delivery.leave(11)
    assert delivery.members == {22}
    assert join(delivery, 33) == [VoiceOp.PROPOSALS]


def test_a_client_that_has_left_before_its_addition_is_not_in_the_group() -> None:
    delivery = DaveDelivery(1)
    join(delivery, 11)
    join(delivery, 22)
    join(delivery, 33)
    delivery.leave(22)
    delivery.leave(11)
    assert delivery.members == {33}
