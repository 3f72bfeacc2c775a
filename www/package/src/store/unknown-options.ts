/** Options that are not known, told once while an application is developed: a misspelt one would do nothing without a word. */
import { RejoinError } from "../errors.js";
import { OPTIONS } from "./options.js";

const WITHIN = {
  retry: ["backoffBase", "backoffMax", "attemptsMax", "silentJoinsMax", "postsMax", "retryAfterMax", "giveUpAfter"],
  timeouts: ["headers", "join", "stall", "stallWithHeartbeatMin", "stallWithHeartbeatMax", "alive", "request", "offlineProbe", "unreachable", "compare", "record"],
  cache: ["identity", "threadsMax", "bytesMax", "ttlMs"],
  limits: ["lineBytesMax", "frameBytesMax", "bufferBytesMax"],
};
/** Letters that may differ between a name and what was meant. */
const MISTAKES_MAX = 2;

const told = new Set<string>();

/** How many letters have to be put in, left out or changed. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, at) => at);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) next.push(Math.min((row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1, (row[j - 1] ?? 0) + Number(a[i - 1] !== b[j - 1])));
    row = next;
  }
  return row[b.length] ?? 0;
}

const letters = (name: string): string => name.toLowerCase().replace(/[^a-z]|ms$/g, "");

/** The known name that is meant, if one is near enough. */
const meant = (name: string, known: readonly string[]): string | undefined => {
  const near = known.map((other) => ({ other, by: distance(letters(name), letters(other)) })).sort((a, b) => a.by - b.by)[0];
  return near && near.by <= MISTAKES_MAX ? near.other : undefined;
};

function* unknownIn(given: object, known: readonly string[], path: string): Generator<readonly [string, string | undefined]> {
  for (const [name, value] of Object.entries(given)) if (value !== undefined && !known.includes(name)) yield [path + name, meant(name, known)];
}

/** Tells `tell` of each that was not told yet. */
export function warnOfUnknownOptions(options: object, tell: (error: RejoinError) => void): void {
  const known = [...OPTIONS.flatMap(({ names }) => names), "hear"];
  const found = [...unknownIn(options, known, "")];
  for (const [name, names] of Object.entries(WITHIN)) {
    const within = (options as Record<string, unknown>)[name];
    if (typeof within === "object" && within !== null) found.push(...[...unknownIn(within, names, `${name}.`)].map(([path, other]) => [path, other && `${name}.${other}`] as const));
  }
  for (const [path, other] of found) {
    if (told.has(path)) continue;
    told.add(path);
    tell(new RejoinError("unknown_option", `There is no option \`${path}\`${other ? `; \`${other}\` may be meant` : ""}.`));
  }
}
