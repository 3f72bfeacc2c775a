export { answers } from "./answers.jsx";
export { edits } from "./edits.jsx";
export { views } from "./view.jsx";
export { waits } from "./waiting.jsx";
