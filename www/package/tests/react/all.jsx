export { incumbent } from "./incumbent.jsx";
export { legacy } from "./legacy.jsx";
export { reactVersion, suite } from "./suite.jsx";
