"""Formulas are put into words as people say them, wherever the text is cut; prices are not formulas."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tts_server.text.lexicon import covered_languages
from tts_server.text.normalize import normalize
from tts_server.text.segmenter import FORMULA_LIMIT, Segmenter


@pytest.mark.parametrize(
    ("written", "heard"),
    [
        # Fractions, powers, roots, indices
        (r"$\frac{1}{2}$ of $x^2$", "one half of x squared"),
        (r"$\frac34$ and $\dfrac{a}{b}$", "three quarters and a over b"),
        (r"$\frac{a+1}{b}$", "a plus one, all over b"),
        (r"$x^3 + y^{10} - z^{-1}$", "x cubed plus y to the power of ten minus z to the power of minus one"),
        (r"$x_1$ and $x_{i}^2$", "x sub one and x sub i squared"),
        (
            r"$\sqrt{2}$, $\sqrt[3]{8}$, $\sqrt[5]{x}$",
            "the square root of two, the cube root of eight, the root of degree five of x",
        ),
        # Each kind of delimiter
        (r"\(a^2 + b^2 = c^2\)", "a squared plus b squared equals c squared"),
        (r"\[ E = mc^2 \]", "E equals m c squared"),
        ("$$\na \\cdot b\n$$", "a times b"),
        # Letters, operators, relations
        (r"$\alpha \le \beta \ne \Omega$", "alpha is less than or equal to beta is not equal to Omega"),
        (r"$3 \times 4 \approx 12 \pm 1$", "three times four is approximately twelve plus or minus one"),
        (r"$x \to \infty$", "x goes to infinity"),
        (r"$\sum_{i=1}^{n} i$", "the sum from i equals one to n of i"),
        (r"$\int_0^1 x\,dx$", "the integral from zero to one of x d x"),
        (r"$\lim_{x \to 0} f(x)$", "the limit as x goes to zero of f of x"),
        (r"$\sin(x) + \log y$", "sine of x plus log of y"),
        (r"$x = 5 \text{ if } y > 0$", "x equals five if y is greater than zero"),
        (r"$2(a+b)$", "two open paren a plus b close paren"),
        (r"$|x|$, $n!$, $P(A|B)$", "the absolute value of x, n factorial, P of A given B"),
        (r"$90^\circ$ or $90°$", "ninety degrees or ninety degrees"),
        (r"$\binom{n}{k}$ and $\vec{v}$", "n choose k and vector v"),
        (r"\[\begin{array}{cc} a & b \\ c & d \end{array}\]", "a b, c d"),
        (r"$\frac{dy}{dx} = f'(x)$", "d y over d x equals f prime of x"),
        (r"$x \in [0,1]$ and $1,000$", "x is in zero, one and one thousand"),
        (r"$\log_2 8 = 3$", "log base two of eight equals three"),
        (r"the $x$-axis", "the x-axis"),
        (r"$2\frac{1}{2}$ cups, $3\cdot\frac{1}{2}$", "two and one half cups, three times one half"),
        (r"\begin{align*} x &= 1 \\ y &= 2 \end{align*}", "x equals one, y equals two"),
        # Only a part of the formula between dollar signs
        (r"CO$_2$, H$_2$O and Na_2SO_4", "CO2, H2O and Na2SO4"),
        (r"10$^{-3}$ m at 90$^\circ$C", "ten to the power of minus three m at ninety degrees Celsius"),
        (r"It costs $\$5$.", "It costs five dollars."),
        # Without delimiters
        (r"x^2 and 10^6", "x squared and ten to the power of six"),
        (
            "≤ 5, √2, ½ of it, 2½ times, 20 °C",
            "is less than or equal to five, the square root of two, one half of it, "
            "two and one half times, twenty degrees Celsius",
        ),
        ("x² + y³ = 10⁻³", "x squared plus y cubed equals ten to the power of minus three"),
        ("5 m² of H₂O", "five square metres of H2O"),
        (r"Use \frac{1}{2} here", "Use one half here"),
        (r"5\cdot 3 = 15", "five times three equals fifteen"),
        (r"(a+b)^2", "(a+b) squared"),
        (r"a^(b+c) and e^-x", "a to the power of b plus c and e to the power of minus x"),
        (r"$1/2$ or $3/4$", "one half or three quarters"),
        (r"\boxed{42} it is ^_^", "forty-two it is"),
        # Unknown commands
        (r"$\foo{x} + \qquad\bar{y}$", "x plus y bar"),
        (r"\unheardof things", "unheardof things"),
        (r"C:\Users\ada", "C: Users ada"),
        # Prices and other dollar signs
        ("It costs $5 and $10 now", "It costs five dollars and ten dollars now"),
        ("$5, or 10$ more", "five dollars, or ten dollars more"),
        ("$5 (half price!) and then $3", "five dollars (half price!) and then three dollars"),
        (r"\$5", "five dollars"),
        ("between $5–$10", "between five to ten dollars"),
        # Code
        ("Run `echo $x $y`", "Run echo x y"),
        ("```\n$x^2$\n```", "code block omitted."),
    ],
)
def test_formulas_are_read_in_english(written: str, heard: str) -> None:
    assert normalize(written, "en-us") == heard


@pytest.mark.parametrize(
    ("written", "heard"),
    [
        (r"$\frac{1}{2}$ von $x^2$", "ein halb von x Quadrat"),
        (r"$\frac{3}{4} \cdot \sqrt{x} \ge 2^n$", "drei Viertel mal Wurzel aus x größer oder gleich zwei hoch n"),
        (r"\(\sum_{k=0}^{n} a_k\)", "die Summe von k gleich null bis n über a Index k"),
        ("x² ≤ ½", "x Quadrat kleiner oder gleich ein halb"),
        (r"$0,5 + 0{,}5$", "null Komma fünf plus null Komma fünf"),
        ("Das kostet 5 $ oder $10", "Das kostet fünf Dollar oder zehn Dollar"),
    ],
)
def test_formulas_are_read_in_german(written: str, heard: str) -> None:
    assert normalize(written, "de") == heard


@pytest.mark.parametrize(
    ("written", "heard"),
    [
        (r"\hat" * 25 + " 2 + y", "hat " * 20),
        (r"\hat{" * 25 + "2" + "}" * 25 + " + y", "hat " * 10),
        ("x^" + "-" * 25 + "2 + y", "x to the power of " + "minus " * 19),
        ("2 + " + "x^{" * 25 + "2" + "}" * 25, "two plus x" + " to the power of x" * 9),
    ],
)
def test_from_too_deep_an_argument_on_the_rest_of_a_formula_is_left_out(written: str, heard: str) -> None:
    assert normalize(f"${written}$", "en") == heard.strip()


@pytest.mark.parametrize(
    ("language", "heard"),
    [
        ("fr", "un demi de x au carré"),
        ("es", "un medio de x al cuadrado"),
        ("it", "un mezzo de x al quadrato"),
        ("pt", "um meio de x ao quadrado"),
        ("nl", "een half de x kwadraat"),
        ("ru", "одна вторая de x в квадрате"),
    ],
)
def test_formulas_are_read_in_other_languages(language: str, heard: str) -> None:
    assert normalize(r"$\frac{1}{2}$ de $x^2$", language) == heard


@pytest.mark.parametrize("language", sorted({*covered_languages(), "sv", "xx"}))
def test_backslashes_and_dollars_are_not_spoken_in_any_language(language: str) -> None:
    heard = normalize(r"$\frac{1}{2}$ $\alpha \le \foo$ \[x_1\] x", language)
    assert not set(heard) & set("\\${}^_")
    assert heard


_PROSE = (
    r"Well, the answer is $x = \frac{-b \pm \sqrt{b^2 - 4ac}}{2a}$, of course. It costs $5. And \(f(a, b). c\) is it, "
    "and $$\\sum_{i=1}^{n} i, \\quad n. $$ as well."
)


@pytest.mark.parametrize("size", range(1, 40))
def test_a_formula_is_spoken_whole_however_the_tokens_are_divided(size: int) -> None:
    segmenter = Segmenter("en")
    pieces = [_PROSE[start : start + size] for start in range(0, len(_PROSE), size)]
    segments = [segment for piece in pieces for segment in segmenter.feed(piece)] + segmenter.flush()
    assert "".join(segments) == _PROSE
    heard = " ".join(normalize(segment, "en") for segment in segments)
    assert heard == (
        "Well, the answer is x equals minus b plus or minus the square root of b squared minus four a c, all over two "
        "a, of course. It costs five dollars. And f of a, b. c is it, and the sum from i equals one to n of i, n. as "
        "well."
    )


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("It costs $5. And then some more.", "It costs $5."),
        ("It costs $5, honestly, it does.", "It costs $5,"),
        ("So $HOME is where it is. And more.", "So $HOME is where it is."),
        ("Take $100 to $200 along. And more.", "Take $100 to $200 along."),
        (r"Then \(x. y\) is it. And more.", r"Then \(x. y\) is it."),
    ],
)
def test_a_dollar_sign_delays_no_sentence(text: str, first: str) -> None:
    segmenter = Segmenter("en")
    segments = [*segmenter.feed(text), *segmenter.flush()]
    assert segments[0] == first


def test_a_formula_that_never_ends_is_cut_at_the_limit() -> None:
    for opening in (r"\[", "$$", r"\(", "$x"):
        segmenter = Segmenter("en")
        segments = segmenter.feed(f"So {opening} " + "x+y, " * 1000)
        assert segments
        assert max(map(len, segments)) <= FORMULA_LIMIT + 10


_MARKS = (
    r"$ $$ \( \) \[ \] \frac \sqrt \sum \int \lim \text \begin \end \left \right \\ \alpha \foo "
    r"{ } ^ _ | ( ) [ ] x 2 12 + - = ! ' & ½ √ ² ₂ ≤ α → ∫ word ` ```"
)
_PIECES = st.sampled_from([*_MARKS.split(" "), " ", "\n", ", ", ". "])


@given(st.lists(_PIECES, max_size=40).map("".join), st.sampled_from(["en", "de", "fr", "xx"]))
def test_any_malformed_formula_is_read(text: str, language: str) -> None:
    heard = normalize(text, language)
    assert "\\" not in heard
    assert heard == heard.strip()


@given(st.lists(_PIECES, max_size=40).map("".join), st.integers(1, 7))
def test_cuts_do_not_depend_on_the_pieces(text: str, size: int) -> None:
    whole, divided = Segmenter("en"), Segmenter("en")
    at_once = [*whole.feed(text), *whole.flush()]
    pieces = [text[start : start + size] for start in range(0, len(text), size)]
    assert [segment for piece in pieces for segment in divided.feed(piece)] + divided.flush() == at_once
    assert "".join(at_once) == text


_MISCHIEF = [
    r"\[",
    r"\(",
    r"$",
    r"$$",
    r"$a",
    r"$\a",
    r"\a{",
    r"\frac{",
    r"\sqrt",
    r"\bar",
    r"x^{",
    r"x_",
    r"{",
    r"^",
    r"_",
    r"|",
    r"(",
    r"½",
    r"1½",
    r"√(",
    r"≤",
]


@pytest.mark.parametrize("mischief", _MISCHIEF)
def test_ten_thousand_malicious_characters_take_less_than_two_seconds(mischief: str) -> None:
    normalize("$x$", "en")
    for text in (mischief * (10_000 // len(mischief)), "$" + mischief * 2_000 + "$", "½" + " " * 10_000 + mischief):
        start = time.thread_time()
        normalize(text, "en")
        assert time.thread_time() - start < 2
