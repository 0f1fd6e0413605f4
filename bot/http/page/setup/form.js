import { requestJson } from "../api.js";
import { make } from "../dom.js";
import { changesOf } from "./env_lines.js";
import { finding } from "./finding.js";

export const SECRETS = new Set(["DISCORD_TOKEN", "LLM_API_KEY"]);
const PARTS = [
  {
    part: "discord",
    title: "Discord",
    hint: "Without a token you talk with it in the browser alone. Get one at discord.com/developers/applications: your application, Bot, Reset Token.",
    fields: [["DISCORD_TOKEN", "Token"]],
  },
  {
    part: "mind",
    title: "The mind",
    hint: "A model server: Ollama, llama-server, vLLM, or a hosted one. Left empty, it thinks with the small model inside the bot.",
    fields: [
      ["LLM_URL", "Address", "http://127.0.0.1:11434/v1"],
      ["LLM_MODEL", "Model", "llama3.1"],
      ["LLM_API_KEY", "Key, if it needs one"],
    ],
  },
  {
    part: "voice",
    title: "The voice",
    hint: "An engine (piper, espeak, kokoro, xtts, openai, …), or the address of a speech server. Left empty, it takes the usual one.",
    fields: [
      ["TTS_ENGINE", "Engine", "piper"],
      ["TTS_WEBSOCKET_URL", "Speech server", "ws://127.0.0.1:8765/ws/stream"],
    ],
  },
];

/**
 * The guided form: Discord, mind and voice, each with a button that tests it.
 *
 * @param {{values: Record<string, string>, secrets: string[], writable: boolean}} state @param {() => void} onChange
 */
export function setupForm({ values, secrets, writable }, onChange) {
  const inputs = new Map();
  const changes = (names = [...inputs.keys()]) =>
    changesOf(values, Object.fromEntries(names.map((name) => [name, inputs.get(name).value])), SECRETS);

  const field = ([name, label, placeholder = ""]) => {
    const secret = SECRETS.has(name);
    const input = make("input", {
      id: `set-${name}`,
      testid: name,
      type: secret ? "password" : "text",
      autocomplete: secret ? "new-password" : "off",
      spellcheck: false,
      maxLength: 2000,
      value: secret ? "" : (values[name] ?? ""),
      placeholder: secret && secrets.includes(name) ? "Set already; type to replace it" : placeholder,
      on: { input: onChange },
    });
    inputs.set(name, input);
    return make("div", { className: "row" }, make("label", { htmlFor: input.id, textContent: label }), input);
  };

  const card = ({ part, title, hint, fields }) => {
    const result = make("div", { role: "status", testid: `result-${part}` });
    const tell = (found) => result.replaceChildren(make("ul", { className: "findings" }, found));
    const button = make("button", { type: "button", className: "outlined", textContent: "Test", testid: `test-${part}`, disabled: !writable });
    button.setAttribute("aria-label", `Test ${title}`);
    const models = make("datalist", { id: `models-${part}` });
    const body = fields.map(field);
    if (part === "mind") inputs.get("LLM_MODEL").setAttribute("list", models.id);
    const test = async () => {
      button.disabled = true;
      tell(finding({ subject: title, good: null, text: "being tested …" }));
      try {
        const json = { part, changes: changes(fields.map(([name]) => name)) };
        const told = await requestJson("api/setup/test", { method: "POST", json });
        tell(finding(told));
        models.replaceChildren(...told.models.map((name) => make("option", { value: name })));
      } catch (error) {
        tell(finding({ subject: title, good: false, text: error.message }));
      } finally {
        button.disabled = false;
      }
    };
    button.addEventListener("click", test);
    return make("section", { className: "card", "aria-labelledby": `setup-${part}` }, make("h2", { id: `setup-${part}`, textContent: title }), make("p", { className: "quiet", textContent: hint }), ...body, models, result, button);
  };

  return { cards: PARTS.map(card), changes };
}
