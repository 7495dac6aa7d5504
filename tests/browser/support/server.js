// A server of our own: the debug binary, started from an empty folder on ports that the system
// chooses, with accounts made by its command line.

import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";

const ROOT = resolve(import.meta.dirname, "../../..");
const TARGET = resolve(ROOT, process.env.CARGO_TARGET_DIR ?? "target");
const PROGRAM = process.env.CHRYSALIS_PROGRAM ?? join(TARGET, "debug", "chrysalis");

/** How long a server may take to start or to stop. */
const PATIENCE_MS = 30_000;

/** What differs from the defaults: ports, and limits that a test run would meet by itself. */
const SETTINGS = {
  LISTEN__MSNP: "127.0.0.1:0",
  LISTEN__HTTP: "127.0.0.1:0",
  LISTEN__OPS: "",
  AUTH__ARGON2_MEMORY_KIB: "1024",
  AUTH__ARGON2_ITERATIONS: "1",
  REGISTRATION__PER_HOUR: "1000",
};

export class Server {
  #child;
  #folder;
  #environment;

  /** Starts a server; `settings` are added to ours, named like the variables of the environment. */
  static async start(settings = {}) {
    const server = new Server();
    server.#folder = await mkdtemp(join(tmpdir(), "chrysalis-browser-"));
    server.#environment = { PATH: process.env.PATH };
    for (const [name, value] of Object.entries({ ...SETTINGS, ...settings })) {
      server.#environment[`CHRYSALIS__${name}`] = value;
    }
    server.#child = spawn(PROGRAM, ["serve"], {
      cwd: server.#folder,
      env: server.#environment,
      stdio: ["ignore", "pipe", "pipe"],
    });
    try {
      server.url = await greeting(server.#child);
    } catch (error) {
      await server.stop();
      throw error;
    }
    return server;
  }

  /** Runs the program beside the server, as its operator does, and answers what it prints. */
  command(words, input = "") {
    const options = { cwd: this.#folder, env: this.#environment, timeout: PATIENCE_MS };
    return new Promise((done, failed) => {
      const child = execFile(PROGRAM, words, options, (error, output, complaint) => {
        if (error) {
          failed(new Error(`${words.join(" ")}: ${complaint || error.message}`));
        } else {
          done(output);
        }
      });
      child.stdin.end(input);
    });
  }

  /** Makes an account; `words` may add what the command line knows, such as `--admin`. */
  async account(address, password, ...words) {
    await this.command(["user", "add", address, "--password-stdin", ...words], `${password}\n`);
    return { address, password };
  }

  async stop() {
    const child = this.#child;
    if (child.exitCode === null && child.signalCode === null) {
      const ended = once(child, "exit");
      child.kill("SIGTERM");
      const late = setTimeout(() => child.kill("SIGKILL"), PATIENCE_MS);
      await ended;
      clearTimeout(late);
    }
    await rm(this.#folder, { recursive: true, force: true });
  }
}

/** Reads what the server prints until it says where its pages are; the rest is drained. */
function greeting(child) {
  const said = [];
  return new Promise((done, failed) => {
    const late = setTimeout(() => failed(new Error(`no greeting:\n${said.join("\n")}`)), PATIENCE_MS);
    const hear = (line) => {
      if (said.length < 200) {
        said.push(line);
      }
      const found = /sign-in \(HTTP\)\s+(127\.0\.0\.1:\d+)/.exec(line);
      if (found) {
        clearTimeout(late);
        done(`http://${found[1]}`);
      }
    };
    createInterface({ input: child.stdout }).on("line", hear);
    createInterface({ input: child.stderr }).on("line", hear);
    child.once("error", failed);
    child.once("exit", (code) => {
      clearTimeout(late);
      failed(new Error(`the server ended with ${code}:\n${said.join("\n")}`));
    });
  });
}
