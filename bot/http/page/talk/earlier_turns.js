import { ApiError, requestJson } from "../api.js";

const MOST_TURNS = 200;

/**
 * The last stored turns of a call that is on, by its id; none if nothing is stored, or if the bot does not tell them now.
 *
 * @param {string} call
 * @returns {Promise<{who: string, bot: boolean, text: string, interrupted: boolean}[]>}
 */
export async function earlierTurns(call) {
  try {
    const { conversations } = await requestJson(`api/conversations?${new URLSearchParams({ call, limit: 1 })}`);
    if (conversations.length === 0) return [];
    const query = new URLSearchParams({ limit: MOST_TURNS, before: Number.MAX_SAFE_INTEGER });
    const { turns } = await requestJson(`api/conversations/${conversations[0].id}?${query}`);
    return turns;
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    console.warn(error);
    return [];
  }
}
