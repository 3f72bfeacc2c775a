"use client";

import { loadRejoin, useStream } from "rejoin/asset/react";
import { Chat } from "../../shared/chat.js";

export function Client(props) {
  return <Chat useStream={useStream} loadRejoin={loadRejoin} {...props} />;
}
