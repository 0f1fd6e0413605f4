"""Words of several languages by which claimed facts are checked, folded as :mod:`bot.memory.wording` does."""

from __future__ import annotations

_GLUE = (
    "name named call called has have own owns live lives work works old year years age "
    "heisst heissen heiße genannt hat haben wohnt lebt arbeitet alt jahre nomme habite vit llama llamado vive "
)
_DENIALS = (
    "not never no none nobody nothing cannot dont doesnt didnt isnt arent wasnt werent wont cant "
    "nicht nie niemals kein keine keinen keinem keiner nein ne pas jamais rien nunca jamas non mai nao "
    "не нет никогда niet nooit geen nigdy inte ikke 不 没 沒 别 別 無 无 "
)
_FIRST_PERSON = (
    "i me my mine myself we us our im ive id ich mich mir mein meine meinen meinem meiner meines wir uns unser unsere "
    "je j moi mon ma mes nous notre nos yo mi mis nosotros io mio mia miei noi eu meu minha "
    "я меня мне мои моя мы ik mijn ja mam benim jag min mitt mina 我 俺 僕 私 咱 "
)
_SECRETS = (
    "password passwords passwort kennwort passphrase passcode pin tan cvv contrasena пароль wachtwoord hasło senha mdp "
    "token apikey "
)

GLUE = frozenset(_GLUE.split())
"""Words that a fact may have although the sentence has them in another form, or not at all."""
DENIALS = frozenset(_DENIALS.split())
"""Words that deny what a sentence says."""
FIRST_PERSON = frozenset(_FIRST_PERSON.split())
"""Words by which a speaker means themselves."""
SECRETS = frozenset(_SECRETS.split())
"""Words of sentences that hold secrets."""
