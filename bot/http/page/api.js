/** A request that the bot refused, or did not answer. The message is for people. */
export class ApiError extends Error {
  /** @param {number} status the HTTP status, 0 if there was no answer. @param {string} code a word for programs. */
  constructor(status, code, message) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

/**
 * Asks the bot's HTTP API.
 *
 * @param {string} path relative to the page, such as `api/conversations`.
 * @param {{method?: string, json?: unknown, body?: BodyInit, signal?: AbortSignal}} [request]
 * @returns {Promise<Response>} an answer without an error.
 */
export async function request(path, { method = "GET", json, body, signal } = {}) {
  const headers = json === undefined ? {} : { "Content-Type": "application/json" };
  let response;
  try {
    response = await fetch(path, { method, headers, body: json === undefined ? body : JSON.stringify(json), signal });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError(0, "unreachable", "Seiyuu does not answer. Is it still running?");
  }
  if (response.ok) return response;
  const told = await response.json().catch(() => null);
  const { code = "failed", message = `Seiyuu answered with the error ${response.status}.` } = told?.error ?? {};
  throw new ApiError(response.status, code, message);
}

/** Asks the API for JSON. The parameters are those of {@link request}. */
export async function requestJson(path, options) {
  const response = await request(path, options);
  return response.json();
}
