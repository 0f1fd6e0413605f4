const PLAIN = /^[A-Za-z0-9_.,:/@%+=~&?-]*$/;

/**
 * The lines of `.env` for these changes, as the bot itself would write them. A setting that is taken out becomes a comment.
 *
 * @param {Record<string, string | null>} changes @param {Set<string>} hidden the settings whose values are not shown.
 */
export function envLines(changes, hidden = new Set()) {
  return Object.entries(changes).map(([name, value]) => {
    if (value === null) return `# take out ${name}`;
    if (hidden.has(name)) return `${name}=…`;
    return PLAIN.test(value) ? `${name}=${value}` : `${name}='${value.replace(/\\/g, "\\\\").replace(/'/g, "\\'")}'`;
  });
}

/**
 * What differs between `.env` and the form. A secret that is not typed stays as it is.
 *
 * @param {Record<string, string>} before @param {Record<string, string>} now @param {Set<string>} secrets
 */
export function changesOf(before, now, secrets) {
  const changes = {};
  for (const [name, typed] of Object.entries(now)) {
    const value = typed.trim();
    if (secrets.has(name) ? value !== "" : value !== (before[name] ?? "")) changes[name] = value === "" ? null : value;
  }
  return changes;
}
