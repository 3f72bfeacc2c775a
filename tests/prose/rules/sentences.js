// A sentence is short and begins with its subject.
const { split } = require("sentence-splitter");

/** The most words in a sentence. Code is one word, however long. */
const WORDS_MAX = 30;
/** Words that make the reader wait for the subject. */
const WEAK = /^(what|where|whose|who|which|(of|to|from|for|by|with) (which|whom))\b/i;

/** A paragraph as it is read aloud: without marks, and in one line. */
function spoken(node) {
  if (node.type === "Code") return "code";
  return node.children ? node.children.map(spoken).join("") : (node.value ?? "").replaceAll("\n", " ");
}

module.exports = ({ Syntax, RuleError, report }) => {
  const check = (node) => {
    for (const { type, raw } of split(spoken(node))) {
      if (type !== "Sentence") continue;
      const words = raw.split(/\s+/).filter((word) => /\w/.test(word));
      const say = (problem) => report(node, new RuleError(`${problem}: "${words.slice(0, 6).join(" ")} .."`));
      if (words.length > WORDS_MAX) say(`A sentence of ${words.length} words, where ${WORDS_MAX} are the most`);
      if (WEAK.test(raw) && !raw.endsWith("?")) say("A sentence that does not begin with its subject");
    }
  };
  return {
    [Syntax.Paragraph]: check,
    // The first row has titles, not sentences.
    [Syntax.Table]: ({ children: [, ...rows] }) => rows.flatMap((row) => row.children).forEach(check),
  };
};
