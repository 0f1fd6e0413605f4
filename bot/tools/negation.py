"""Finds the clauses with which a person may ask for something. A clause that denies something, such as "don't leave",
does not count."""

from __future__ import annotations

import re
import unicodedata

_CLAUSES = re.compile(
    r"[.,;:!?…\n。、，！？；：—]+|"
    r"\b(?:but|so|because|instead(?! of)|with|sondern|aber|denn|deshalb|mit|mais|donc|parce que|avec|pero|sino|porque|"
    r"entonces|con|perch[éè]|com|ent[ãa]o|но|потому что|поэтому|maar|omdat|dus|met|ale|więc|ama|fakat|men|för att|"
    r"mutta)\b|"
    r"\b(?:that|which|who)(?='s|\s+(?:is|are|was|were|has|have|does|do|can|looks?)\b)|하지만|그러니까"
)
"""Matches the marks and words that separate clauses."""
_NO_DENIAL = re.compile(
    # Whoever is asked not to forget something is asked to do it.
    r"\b(?:do not|don'?t|never)\s+(?:let\s+(?:me|us)\s+)?forget\b|\bverg(?:iss|esst)\s+(?:bitte\s+)?nicht\b|"
    r"\bnicht\s+(?:zu\s+)?vergessen\b|\bn'?oublie[zr]?\s+pas\b|\bno\s+(?:te\s+|me\s+)?olvid\w+|\bnon\s+(?:ti\s+)?dimentic\w+|"
    r"\bn[ãa]o\s+(?:se\s+|te\s+)?esque[çc]\w*|\bне\s+забу\w+|\bvergeet\s+niet\b|\bniet\s+vergeten\b|\bnie\s+zapom\w+|"
    r"\bunutma\b|\bglöm\s+inte\b|忘れないで|忘れずに|[别別]忘|不要忘|잊지\s*마|"
    # A question in this form is a request.
    r"\bwhy\s+(?:don'?t|do\s+not|not)\b|\b(?:can|won|couldn|wouldn)'?t\s+you\b|\bno problem\b|"
    r"てくれない|てもらえない|ていただけない|ませんか|[对對]不起|不好意思|能不能|可不可以|要不要|好不好|是不是|[没沒]事"
)
"""Words that are removed before denials are looked for."""
_DENIAL = re.compile(
    r"\b(?:not|never|nor|cannot|\w+n't|dont|doesnt|didnt|wont|cant|shouldnt|nevermind|"
    r"forget(?:\s+about)?\s+(?:it|that|the|my)|instead\s+of)\b|"
    # In Portuguese, "no" is "on the" or "in the".
    r"\bno\b(?!\s+(?:dia|s[áa]bado|domingo|fim|final|in[íi]cio|come[çc]o|m[êe]s|natal|meio|almo[çc]o|canal)\b)|"
    r"\b(?:nicht|nich|nie|niemals|kein(?:e[nrms]?)?|nein|vergiss|lass\s+(?:das|es))\b|"
    r"\b(?:ne|pas|jamais|non|oublie|laisse\s+tomber)\b|\bn'\w|"
    r"\b(?:nunca|jam[áa]s|tampoco|olv[íi]da\w*|d[ée]jalo|dimentica|lascia\s+(?:perdere|stare))\b|"
    r"\b(?:n[ãa]o|esque[çc]e|deixa\s+pra\s+l[áa])\b|\b(?:не|нет|никогда|нельзя|забудь)\b|"
    r"\b(?:niet|nooit|geen|nee|laat\s+maar)\b|\bnigdy\b|\b(?:hay[ıi]r|değil|asla|sak[ıi]n|boşver)\b|"
    r"\b(?:inte|ikke|ej|aldrig|aldri|älä)\b|ない|なくて|ません|せずに|やめ|いいえ|だめ|ダメ|"
    r"不|[别別]|勿|[没沒]|无需|無需|算了|지\s*(?:마|말|않)|아니|\b[안못]\s|필요\s*없|됐어"
)
"""Words that deny what their clause says, in the languages whose requests are recognised."""


def not_denied(text: str) -> str:
    """The clauses of ``text`` that deny nothing, one a line.

    In doubt, a clause is left out. Then the person is asked before the tool runs.
    """
    folded = unicodedata.normalize("NFKC", text).replace("’", "'")
    return "\n".join(
        clause.strip()
        for clause in _CLAUSES.split(folded)
        if clause.strip() and not _DENIAL.search(_NO_DENIAL.sub(" ", clause.casefold()))
    )
