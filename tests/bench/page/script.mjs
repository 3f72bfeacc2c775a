// What the agent says, known to the server that says it and to the page that checks it.

const WORDS = [
  "alpha", "bravo", "charlie", "delta", "echo", "foxtrot", "golf", "hotel", "india", "juliett", "kilo", "lima", "mike", "november",
  "oscar", "papa", "quebec", "romeo", "sierra", "tango", "uniform", "victor", "whiskey", "xray", "yankee", "zulu",
];

/** Token number `at`, as the test agents of the recorded transcripts write them. */
export const token = (at) => `${WORDS[at % WORDS.length]}${at} `;

/** The text of that many tokens. */
export const text = (tokens) => Array.from({ length: tokens }, (_, at) => token(at)).join("");

/** The text of message number `at` of a thread from before: questions are short, answers are not. */
export const earlier = (at) => (at % 2 === 0 ? `Question ${at}: what comes next, and why?` : `Answer ${at}: ${text(74)}`);
