// The pages that these tests drive. All of them carry the same data-testids and read the same knobs from their address.

/**
 * Which page this process tests: "leptos" (www/demo), "react18" or "react19" (www/react-demo), "assistant-ui" (www/assistant-ui-demo).
 * The two React pages differ in React only, so React 18 is tested on what its version has a part in: streaming, recovery, StrictMode.
 */
export const appKind = process.env.REJOIN_E2E_APP ?? "leptos";

const REACT_LACKS = {
  markdown: "the React demo shows text as it is",
  timeline: "the React demo has no timeline",
  "wasm file": "in the React demo the module is inlined in a script",
};
const LACKS = { leptos: {}, react18: REACT_LACKS, react19: REACT_LACKS, "assistant-ui": REACT_LACKS };

if (!(appKind in LACKS)) throw new Error(`REJOIN_E2E_APP is one of ${Object.keys(LACKS).join(", ")}, not ${appKind}`);

/** Why the page under test cannot do what a test needs, for `node:test`'s `skip`; false when it can. */
export function lacks(need) {
  if (need === undefined) return false;
  if (!(need in REACT_LACKS)) throw new Error(`no page lacks ${need}: it needs no exception`);
  return LACKS[appKind][need] ?? false;
}

/** The files of another page, where they were built together with the tested one's; undefined where not. */
export function distOf(app) {
  const named = (process.env.REJOIN_DISTS ?? "").split(";").map((pair) => pair.split("="));
  return new Map(named).get(app);
}
