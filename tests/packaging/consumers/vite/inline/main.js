import { loadRejoin, useStream } from "rejoin/react";
import { mount } from "../shared/mount.js";

mount({ useStream, loadRejoin });
