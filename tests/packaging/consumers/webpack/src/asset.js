import { loadRejoin, useStream } from "rejoin/asset/react";
import { mount } from "./shared/mount.js";

mount({ useStream, loadRejoin });
