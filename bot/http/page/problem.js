import { button, make, withCode } from "./dom.js";
import { signIn } from "./login.js";

/**
 * Makes a note that says what went wrong and lets the person try again. If the token is missing, the note asks for it.
 *
 * @param {Error} error @param {() => void} retry
 */
export function problem(error, retry) {
  if (error.code === "bad_token") return signInNote(retry);
  return make(
    "div",
    { className: "problem", role: "alert", testid: "problem" },
    make("p", {}, ...withCode(error.message)),
    button("Try again", retry),
  );
}

function signInNote(retry) {
  const token = make("input", { type: "password", autocomplete: "current-password", required: true, id: "sign-in-token" });
  const wrong = make("p", { role: "alert" });
  const submit = async (event) => {
    event.preventDefault();
    wrong.textContent = await signIn(token.value);
    if (wrong.textContent === "") retry();
    else token.select();
  };
  return make(
    "form",
    { className: "problem", testid: "sign-in", on: { submit } },
    make("p", { textContent: "This page is locked. Sign in with the token that the operator of Seiyuu has chosen." }),
    make("label", { htmlFor: "sign-in-token", textContent: "Token" }),
    make("div", { className: "field" }, token, make("button", { className: "filled", textContent: "Sign in" })),
    wrong,
  );
}
