"""The rehearsal, ``python -m bot rehearse``: guests of the sandbox talk with the operator's engines. Then it says what
takes long, and what to change.
"""
