import { requestJson } from "../api.js";
import { make } from "../dom.js";
import { changesOf } from "./env_lines.js";
import { finding } from "./finding.js";

const VOICE_KEY = "VOICE_KEY";
const SECRETS = ["DISCORD_TOKEN", "LLM_API_KEY", "TTS_TOKEN"];
const PARTS = [
  {
    parts: ["discord", "prompts"],
    title: "Discord",
    hint: "Without a token, you can talk with the bot only in the browser. Get one at discord.com/developers/applications: your application, Bot, Reset Token.",
    fields: [
      ["DISCORD_TOKEN", "Token"],
      ["PROMPT_CHANNEL", "Prompt channel", "the one in which the call is asked for"],
    ],
  },
  {
    parts: ["mind"],
    title: "The mind",
    hint: "A model server: Ollama, llama-server, vLLM, or a hosted one. If these are empty, the bot uses its own small model.",
    fields: [
      ["LLM_URL", "Address", "http://127.0.0.1:11434/v1"],
      ["LLM_MODEL", "Model", "llama3.1"],
      ["LLM_API_KEY", "Key, if it needs one"],
    ],
  },
  {
    parts: ["ears"],
    title: "The language",
    hint: "The language that people speak with the bot, such as German or de. If it is empty, the bot finds it out for each person.",
    fields: [["STT_LANGUAGE", "Language", "English"]],
  },
  {
    parts: ["voice"],
    title: "The voice",
    hint: "An engine (piper, espeak, kokoro, xtts), a service (openai, elevenlabs, edge, …), or the address of a speech server. If all are empty, the bot uses its usual engine.",
    fields: [
      ["TTS_ENGINE", "Engine or service", "piper"],
      [VOICE_KEY, "Key of the service"],
      ["TTS_WEBSOCKET_URL", "Speech server", "ws://127.0.0.1:8765/ws/stream"],
      ["TTS_TOKEN", "Token of the speech server"],
    ],
  },
];

/**
 * The guided form: Discord, mind, language and voice, each with a button that tests it. `failed` has the titles of the parts
 * that failed their last test, and are unchanged since.
 *
 * @param {{values: Record<string, string>, secrets: string[], keys: Record<string, string>, writable: boolean}} state
 * @param {() => void} onChange
 */
export function setupForm({ values, secrets, keys, writable }, onChange) {
  const inputs = new Map();
  const rows = new Map();
  const hidden = new Set([...SECRETS, ...Object.values(keys)]);
  const failed = new Set();
  const typed = (name) => inputs.get(name).value.trim();
  /** The setting that a field changes. For the key, it depends on the service, and is undefined if the service needs no key. */
  const setting = (name) => (name === VOICE_KEY ? keys[typed("TTS_ENGINE").toLowerCase()] : name);
  const changes = (names = [...inputs.keys()]) => {
    const asked = names.filter((name) => !rows.get(name).hidden);
    return changesOf(values, Object.fromEntries(asked.map((name) => [setting(name), inputs.get(name).value])), hidden);
  };

  /** Shows the fields for the voice's secrets only if they are needed. */
  const arrange = () => {
    const key = setting(VOICE_KEY);
    rows.get(VOICE_KEY).hidden = key === undefined;
    inputs.get(VOICE_KEY).placeholder = secretHint(key);
    rows.get("TTS_TOKEN").hidden = typed("TTS_WEBSOCKET_URL") === "";
  };
  const secretHint = (name) => (secrets.includes(name) ? "Set already; type to replace it" : "");

  const field = ([name, label, placeholder = ""], forgetResult) => {
    const secret = name === VOICE_KEY || hidden.has(name);
    const input = make("input", {
      id: `set-${name}`,
      testid: name,
      type: secret ? "password" : "text",
      autocomplete: secret ? "new-password" : "off",
      spellcheck: false,
      maxLength: 2000,
      value: secret ? "" : (values[name] ?? ""),
      placeholder: secret ? secretHint(name) : placeholder,
      on: {
        input: () => {
          arrange();
          forgetResult();
          onChange();
        },
      },
    });
    inputs.set(name, input);
    rows.set(name, make("div", { className: "row" }, make("label", { htmlFor: input.id, textContent: label }), input));
    return rows.get(name);
  };

  const card = ({ parts, title, hint, fields }) => {
    const [id] = parts;
    const result = make("div", { role: "status", testid: `result-${id}` });
    const tell = (...found) => result.replaceChildren(make("ul", { className: "findings" }, ...found));
    const button = make("button", { type: "button", className: "outlined", textContent: "Test", testid: `test-${id}`, disabled: !writable });
    button.setAttribute("aria-label", `Test ${title}`);
    const models = make("datalist", { id: `models-${id}` });
    const forgetResult = () => {
      failed.delete(title);
      result.replaceChildren();
    };
    const body = fields.map((each) => field(each, forgetResult));
    if (id === "mind") inputs.get("LLM_MODEL").setAttribute("list", models.id);
    const test = async () => {
      button.disabled = true;
      failed.delete(title);
      const found = [];
      try {
        for (const part of parts) {
          tell(...found, finding({ subject: title, good: null, text: "being tested …" }));
          const json = { part, changes: changes(fields.map(([name]) => name)) };
          const told = await requestJson("api/setup/test", { method: "POST", json });
          found.push(finding(told));
          models.replaceChildren(...told.models.map((name) => make("option", { value: name })));
          if (told.good === false) {
            failed.add(title);
            break;
          }
        }
        tell(...found);
      } catch (error) {
        tell(...found, finding({ subject: title, good: false, text: error.message }));
      } finally {
        button.disabled = false;
      }
    };
    button.addEventListener("click", test);
    return make("section", { className: "card", "aria-labelledby": `setup-${id}` }, make("h2", { id: `setup-${id}`, textContent: title }), make("p", { className: "quiet", textContent: hint }), ...body, models, result, button);
  };

  const cards = PARTS.map(card);
  arrange();
  return { cards, changes, hidden, failed };
}
