export { sdk } from "./sdk.jsx";
export { legacy } from "./legacy.jsx";
export { reactVersion, suite } from "./suite.jsx";
