import { byHand, textOf } from "./by-hand.js";

export { textOf };
export const useThread = byHand(false);
