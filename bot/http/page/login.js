/** Signs in with the token. Returns an empty text, or what went wrong. */
export async function signIn(token) {
  try {
    const response = await fetch("login", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ token }),
    });
    if (response.ok) return "";
    if (response.status === 401) return "That is not the token.";
    const { error } = await response.json();
    return error.message;
  } catch {
    return "Seiyuu does not answer. Is it still running?";
  }
}
