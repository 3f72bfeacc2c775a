"use client";

import { loadRejoin, useStream } from "rejoin/react";
import { Chat } from "../../shared/chat.js";

export function Client(props) {
  return <Chat useStream={useStream} loadRejoin={loadRejoin} {...props} />;
}
