// The peer's tests of the converter import what makes content from the same module.
export { convertLangChainMessages } from "../../../src/assistant-ui/messages/convert.ts";
export { getMessageContent } from "../../../src/assistant-ui/messages/get-content.ts";
