/** The language of the page's words, and so of its dates and numbers, whatever the browser's own language is. */
export const LANGUAGE = "en-GB";

const TIME = { hour: "2-digit", minute: "2-digit" };

/** A day and a time. All times are in seconds since 1970. A number that is too large for a date gives an empty text. */
export const when = formatter({ weekday: "short", day: "numeric", month: "short", year: "numeric", ...TIME });
/** A time, without seconds. */
export const clock = formatter(TIME);
/** A time, with seconds. */
export const exactTime = formatter({ ...TIME, second: "2-digit" });

function formatter(parts) {
  const format = new Intl.DateTimeFormat(LANGUAGE, parts);
  return (seconds) => {
    const date = new Date(seconds * 1000);
    return Number.isNaN(date.getTime()) ? "" : format.format(date);
  };
}
