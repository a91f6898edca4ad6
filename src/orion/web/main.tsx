import "@astrouxds/tokens/dist/css/base.system.css";
import "./style.css";
import { render } from "preact";
import { App } from "./app.tsx";
import { console_ } from "./console.ts";
import { listenToKeys } from "./keyboard.ts";

const place = document.getElementById("app");
if (place === null) throw new Error("the page has no place for the console");
console_.start();
listenToKeys();
render(<App />, place);
