//! House rules, checked by reading the source.
//!
//! The rules and their reasons are in the documentation of the crate (`src/lib.rs`); here they are
//! data, and whoever breaks one gets the line. The source is read as tokens, so that neither a
//! comment nor a text nor the way an import is written can mislead a rule. Test modules may do
//! what the rules forbid, except where a rule says so.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use proc_macro2::token_stream::IntoIter;
use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// Modules that anybody may use, and that use nobody.
const LEAVES: &[&str] = &[
    "advertise",
    "clock",
    "config",
    "guide",
    "history",
    "live",
    "mailbox",
    "metrics",
    "mime",
    "network",
    "product",
    "shutdown",
    "supervisor",
    "telemetry",
    "xml",
];

/// What one module of ours may lean on.
struct Module {
    name: &'static str,
    /// Our modules.
    ours: &'static [&'static str],
    /// Other people's crates.
    crates: Crates,
}

enum Crates {
    /// These and no others.
    Only(&'static [&'static str]),
    /// All but these.
    Not(&'static [&'static str]),
}

use Crates::{Not, Only};

/// The database belongs to `store`, and HTTP to `http`.
const NEITHER: Crates = Not(&["sqlx", "axum", "hyper", "hyper_util"]);

const MODULES: &[Module] = &[
    // The domain: no I/O, no protocol, nothing serialisable.
    Module {
        name: "model",
        ours: &[],
        crates: Only(&["bytes", "percent_encoding", "thiserror", "uuid"]),
    },
    // Bytes: no version, no user, no socket.
    Module {
        name: "wire",
        ours: &[],
        crates: Only(&["bytes", "memchr", "thiserror", "tokio_util"]),
    },
    // Pure functions.
    Module {
        name: "dialect",
        ours: &["model", "wire", "mime", "product", "xml"],
        crates: Not(&[
            "sqlx",
            "axum",
            "hyper",
            "hyper_util",
            "tokio",
            "tokio_util",
            "rand",
        ]),
    },
    Module {
        name: "store",
        ours: &["model", "live"],
        crates: Not(&["axum", "hyper", "hyper_util"]),
    },
    Module {
        name: "hub",
        ours: &["model", "live", "mailbox"],
        crates: NEITHER,
    },
    // Operations. Of `config` only the groups of settings that a constructor takes.
    Module {
        name: "service",
        ours: &[
            "model", "hub", "store", "clock", "config", "history", "live", "mailbox", "metrics",
            "mime", "network", "product",
        ],
        crates: NEITHER,
    },
    Module {
        name: "net",
        ours: &["wire", "live", "mailbox", "metrics", "network", "shutdown"],
        crates: NEITHER,
    },
    // The edges. They see the hub and the store through `service` only.
    Module {
        name: "ns",
        ours: &[
            "service",
            "dialect",
            "wire",
            "net",
            "model",
            "advertise",
            "mailbox",
            "metrics",
        ],
        crates: NEITHER,
    },
    Module {
        name: "sb",
        ours: &[
            "service",
            "dialect",
            "wire",
            "net",
            "model",
            "advertise",
            "mailbox",
            "metrics",
        ],
        crates: NEITHER,
    },
    // Of `net` the accept loop and its gate, which count connections of both edges alike, and the
    // pipes of the gateway, whose sessions the root starts; of `wire` the name of their role; of
    // `config` what clients show.
    Module {
        name: "http",
        ours: &[
            "service",
            "model",
            "net",
            "advertise",
            "config",
            "guide",
            "history",
            "live",
            "metrics",
            "mime",
            "network",
            "shutdown",
            "tls",
            "wire",
            "xml",
        ],
        crates: Not(&["sqlx"]),
    },
    // Bytes in, bytes out; who asks for what is not its business, and no account is within reach.
    Module {
        name: "tls",
        ours: &["net", "live", "metrics", "network", "shutdown"],
        crates: NEITHER,
    },
    // The other end of the wire. It shares no knowledge of the protocol with the server.
    Module {
        name: "client",
        ours: &["wire", "product"],
        crates: NEITHER,
    },
    // Another server's database: read by its own queries, and made into what the store imports.
    Module {
        name: "escargot",
        ours: &["model", "service", "store"],
        crates: Not(&["axum", "hyper", "hyper_util"]),
    },
    // The command line opens the store itself: it works without a server.
    Module {
        name: "cli",
        ours: &[
            "client",
            "clock",
            "config",
            "escargot",
            "guide",
            "model",
            "server",
            "service",
            "store",
            "telemetry",
            "tls",
        ],
        crates: NEITHER,
    },
    // The composition root knows everybody but the command line.
    Module {
        name: "server",
        ours: &[
            "advertise",
            "clock",
            "config",
            "dialect",
            "guide",
            "http",
            "hub",
            "live",
            "mailbox",
            "metrics",
            "model",
            "net",
            "network",
            "ns",
            "sb",
            "service",
            "shutdown",
            "store",
            "supervisor",
            "telemetry",
            "tls",
            "wire",
        ],
        crates: Not(&["sqlx", "hyper", "hyper_util"]),
    },
];

/// Where a task or a thread may be started, other than through `Shutdown::spawn`.
const MAY_START_TASKS: &[(&str, &str)] = &[
    ("shutdown.rs", "it is what everybody else uses"),
    (
        "store/writer.rs",
        "the store outlives the stop of the server and is closed after it; its tracker is waited for",
    ),
    (
        "service/passwords.rs",
        "hashing has to be on the blocking pool; a semaphore bounds it and the caller waits for it",
    ),
    (
        "service/pictures.rs",
        "decoding has to be on the blocking pool; a semaphore bounds it and the caller waits for it",
    ),
    (
        "tls/legacy/keeper.rs",
        "it starts a process, and waits for its end in a task of its own",
    ),
    (
        "cli/user/import.rs",
        "a command, not the server; the set of tasks is bounded and waited for",
    ),
];

/// Lines of code that a file may have, not counting tests, comments and blank ones.
const LONGEST_FILE: usize = 500;

/// A Rust file and its tokens.
struct Source {
    /// Below `src`, with `/`.
    path: String,
    /// Lines of code, without tests, comments and blank ones.
    lines: usize,
    tokens: Vec<Token>,
}

/// One token. Comments are gone; so is documentation.
#[derive(Debug)]
struct Token {
    text: String,
    line: usize,
    is_test: bool,
    /// How many modules are open around it, besides the file's own.
    depth: usize,
}

impl Source {
    fn read(root: &Path, path: &Path) -> Self {
        let text = fs::read_to_string(path).unwrap();
        let name = path.strip_prefix(root).unwrap().to_str().unwrap();
        let stream: TokenStream = text
            .parse()
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        let mut tokens = Vec::new();
        flatten(stream, false, 0, &mut tokens);
        let code = tokens.iter().filter(|token| !token.is_test);
        let lines: BTreeSet<usize> = code.map(|token| token.line).collect();
        Self {
            path: name.replace('\\', "/"),
            lines: lines.len(),
            tokens,
        }
    }

    /// The module of ours it belongs to: `ns` for `ns/add.rs`, `clock` for `clock.rs`.
    fn module(&self) -> &str {
        let first = self.path.split('/').next().unwrap();
        first.strip_suffix(".rs").unwrap_or(first)
    }

    /// How deep its module is below the crate.
    fn depth(&self) -> usize {
        let parts: Vec<&str> = self.path.split('/').collect();
        match parts.last() {
            Some(&("mod.rs" | "lib.rs" | "main.rs")) => parts.len() - 1,
            _ => parts.len(),
        }
    }

    fn is_test_module(&self) -> bool {
        self.path.ends_with("/tests.rs") || self.path.ends_with("/testing.rs")
    }

    /// The tokens that rules look at.
    fn code(&self) -> impl Iterator<Item = (usize, &Token)> {
        let all = if self.is_test_module() {
            &[]
        } else {
            self.tokens.as_slice()
        };
        all.iter().enumerate().filter(|(_, token)| !token.is_test)
    }

    /// The text of the token at a distance from another; empty beyond the file.
    fn text(&self, index: usize, distance: isize) -> &str {
        index
            .checked_add_signed(distance)
            .and_then(|index| self.tokens.get(index))
            .map_or("", |token| token.text.as_str())
    }

    /// Whether the tokens from here on are these.
    fn reads(&self, index: usize, expected: &[&str]) -> bool {
        let mut expected = expected.iter().enumerate();
        expected.all(|(offset, text)| self.text(index, offset as isize) == *text)
    }

    /// The modules of ours that are named, wherever and however: in an import, in a list of
    /// imports, in a path within a line, from the crate's root or by climbing to it.
    fn modules_named(&self) -> Vec<(usize, String)> {
        let mut named = Vec::new();
        for (index, token) in self.code() {
            if self.text(index, -1) == "::" {
                continue;
            }
            let mut at = index;
            let mut climbed = 0;
            match token.text.as_str() {
                "crate" => {}
                "super" => {
                    climbed = 1;
                    while self.reads(at, &["super", "::", "super"]) {
                        at += 2;
                        climbed += 1;
                    }
                    if climbed < self.depth() + token.depth {
                        continue;
                    }
                }
                _ => continue,
            }
            assert!(
                climbed <= self.depth() + token.depth,
                "{}:{}: climbs out of the crate",
                self.path,
                token.line
            );
            if self.text(at, 1) == "::" {
                let line = token.line;
                named.extend(
                    self.heads(at + 2)
                        .into_iter()
                        .map(|name| (line, name.to_owned())),
                );
            }
        }
        named
    }

    /// The first names of a path, or of every path in a list of them.
    fn heads(&self, start: usize) -> Vec<&str> {
        if self.text(start, 0) != "{" {
            return vec![self.text(start, 0)];
        }
        let mut heads = Vec::new();
        let mut open = 0;
        let mut index = start;
        loop {
            match self.text(index, 0) {
                "{" => open += 1,
                "}" => open -= 1,
                "" => panic!("{}: a list of imports without end", self.path),
                name if open == 1 && matches!(self.text(index, -1), "{" | ",") => heads.push(name),
                _ => {}
            }
            if open == 0 {
                return heads;
            }
            index += 1;
        }
    }
}

/// Tokens that are still to come.
type Trees = std::iter::Peekable<IntoIter>;

/// Turns the tree of tokens into a row, and knows what is test code in it.
fn flatten(stream: TokenStream, is_test: bool, depth: usize, out: &mut Vec<Token>) {
    let mut trees = stream.into_iter().peekable();
    // An attribute holds until the end of the item it stands at.
    let mut marked = false;
    let mut opens_module = false;
    while let Some(tree) = trees.next() {
        if is_documentation(&tree, &mut trees) {
            continue;
        }
        marked |= starts_test_code(&tree, trees.peek());
        let line = tree.span().start().line;
        let last_line = tree.span().end().line;
        let is_test = is_test || marked;
        let mut push = |text: String, line| {
            out.push(Token {
                text,
                line,
                is_test,
                depth,
            });
        };
        match tree {
            TokenTree::Punct(punct) => {
                let text = punct.as_char().to_string();
                let joined = matches!(out.last(), Some(last)
                    if last.line == line && is_operator(&format!("{}{text}", last.text)));
                if let (true, Some(last)) = (joined, out.last_mut()) {
                    last.text.push_str(&text);
                } else {
                    if text == ";" {
                        marked = false;
                    }
                    out.push(Token {
                        text,
                        line,
                        is_test,
                        depth,
                    });
                }
            }
            TokenTree::Group(group) => {
                let (open, close) = match group.delimiter() {
                    Delimiter::Brace => ("{", "}"),
                    Delimiter::Bracket => ("[", "]"),
                    Delimiter::Parenthesis => ("(", ")"),
                    Delimiter::None => ("", ""),
                };
                push(open.to_owned(), line);
                let inner = depth + usize::from(opens_module && open == "{");
                flatten(group.stream(), is_test, inner, out);
                out.push(Token {
                    text: close.to_owned(),
                    line: last_line,
                    is_test,
                    depth,
                });
                if open == "{" {
                    marked = false;
                    opens_module = false;
                }
            }
            TokenTree::Ident(ident) => {
                let text = ident.to_string();
                opens_module |= text == "mod";
                push(text, line);
            }
            TokenTree::Literal(literal) => push(literal.to_string(), line),
        }
    }
}

/// Passes over `#[doc = "..."]` and `#![doc = "..."]`, which is what comments become that document.
fn is_documentation(tree: &TokenTree, rest: &mut Trees) -> bool {
    if !is_mark(tree, '#') {
        return false;
    }
    let mut ahead = rest.clone();
    let is_inner = ahead.peek().is_some_and(|next| is_mark(next, '!'));
    if is_inner {
        ahead.next();
    }
    let is_documentation = ahead
        .next()
        .is_some_and(|attribute| without_blanks(&attribute).starts_with("[doc="));
    if is_documentation {
        *rest = ahead;
    }
    is_documentation
}

fn starts_test_code(tree: &TokenTree, next: Option<&TokenTree>) -> bool {
    is_mark(tree, '#') && next.is_some_and(|next| without_blanks(next) == "[cfg(test)]")
}

fn is_mark(tree: &TokenTree, mark: char) -> bool {
    matches!(tree, TokenTree::Punct(punct) if punct.as_char() == mark)
}

fn without_blanks(tree: &TokenTree) -> String {
    tree.to_string().replace(' ', "")
}

/// The operators of several characters that rules look for.
fn is_operator(text: &str) -> bool {
    matches!(text, "::" | "==" | "!=" | "<=" | ">=" | "->" | "=>")
}

/// Every Rust file below a folder of the project.
fn sources(folder: &str) -> Vec<Source> {
    let root = project().join(folder);
    let mut files = files_below(&root);
    files.retain(|path| path.extension().is_some_and(|extension| extension == "rs"));
    let read = |path: &PathBuf| Source::read(&root, path);
    files.iter().map(read).collect()
}

fn project() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        // What npm fetched for the tests in a browser is not ours.
        if path.ends_with("node_modules") {
            continue;
        }
        if path.is_dir() {
            files.extend(files_below(&path));
        } else {
            files.push(path);
        }
    }
    files.sort();
    files
}

/// The crates that the manifest names, as they are written in code.
fn foreign_crates() -> BTreeSet<String> {
    let manifest: toml::Table = fs::read_to_string(project().join("Cargo.toml"))
        .unwrap()
        .parse()
        .unwrap();
    let names = manifest["dependencies"].as_table().unwrap().keys();
    let mut names: BTreeSet<String> = names.map(|name| name.replace('-', "_")).collect();
    // The one whose library has another name than its package.
    assert!(names.remove("md_5"));
    names.insert("md5".to_owned());
    names
}

/// Fails with every line that breaks a rule.
#[track_caller]
fn none(rule: &str, broken: &[String]) {
    let mut report = String::new();
    for line in broken {
        writeln!(report, "  {line}").unwrap();
    }
    assert!(broken.is_empty(), "{rule}:\n{report}");
}

/// Looks at every token of the source, tests excepted.
fn offences(is_offence: impl Fn(&Source, usize, &Token) -> Option<String>) -> Vec<String> {
    let mut broken = Vec::new();
    for source in sources("src") {
        for (index, token) in source.code() {
            if let Some(what) = is_offence(&source, index, token) {
                broken.push(format!("src/{}:{}: {what}", source.path, token.line));
            }
        }
    }
    broken
}

fn module(name: &str) -> Option<&'static Module> {
    MODULES.iter().find(|module| module.name == name)
}

#[test]
fn every_module_has_its_rule() {
    for source in sources("src") {
        let name = source.module();
        let is_known = module(name).is_some() || LEAVES.contains(&name);
        assert!(
            is_known || matches!(name, "lib" | "main"),
            "src/{}: say in MODULES what it may import",
            source.path
        );
    }
}

#[test]
fn modules_import_only_what_they_may() {
    let mut broken = Vec::new();
    for source in sources("src") {
        let importer = source.module();
        let allowed = module(importer).map_or(&[] as &[&str], |module| module.ours);
        for (line, named) in source.modules_named() {
            let is_ours = module(&named).is_some() || LEAVES.contains(&named.as_str());
            let may = named == importer || allowed.contains(&named.as_str());
            if is_ours && !may {
                broken.push(format!(
                    "src/{}:{line}: {importer} may not use {named}",
                    source.path
                ));
            }
        }
    }
    none("who may import whom", &broken);
}

#[test]
fn modules_use_only_the_crates_they_may() {
    let foreign = foreign_crates();
    let broken = offences(|source, index, token| {
        let is_path = source.text(index, 1) == "::" && source.text(index, -1) != "::";
        if !is_path || !foreign.contains(&token.text) {
            return None;
        }
        let may = match &module(source.module())?.crates {
            Only(these) => these.contains(&token.text.as_str()),
            Not(these) => !these.contains(&token.text.as_str()),
        };
        (!may).then(|| format!("{} may not use {}", source.module(), token.text))
    });
    none("who may use which crate", &broken);
}

#[test]
fn versions_are_compared_in_dialect_only() {
    let broken = offences(|source, index, token| {
        if source.module() == "dialect" {
            return None;
        }
        let text = token.text.as_str();
        let is_definition = source.text(index, -1) == "struct";
        let next = source.text(index, 1);
        let before = source.text(index, -1);
        let is_comparison =
            |operator: &str| matches!(operator, "==" | "!=" | "<" | ">" | "<=" | ">=");
        let wrong = match text {
            "DialectTag" => !is_definition && next == "(",
            "dialect" => {
                // A style of the dialect, behind a full stop, may be compared.
                is_comparison(next)
                    || (is_comparison(before) && next != ".")
                    || source.reads(index, &["dialect", ".", "0"])
            }
            _ => names_a_version(text),
        };
        wrong.then(|| format!("{before} {text} {next}"))
    });
    none("no versions outside src/dialect", &broken);
}

/// `MSNP8`, as a name or within a text. The client library `msnp11-sdk` is no version.
fn names_a_version(text: &str) -> bool {
    ["MSNP", "Msnp"].iter().any(|word| {
        text.match_indices(word).any(|(at, _)| {
            text[at + word.len()..].starts_with(|character: char| character.is_ascii_digit())
        })
    })
}

#[test]
fn the_date_is_asked_for_in_clock_only() {
    let words = ["SystemTime", "UNIX_EPOCH", "now_utc", "now_local"];
    let broken = offences(|source, _, token| {
        let is_wrong = source.path != "clock.rs" && words.contains(&token.text.as_str());
        is_wrong.then(|| token.text.clone())
    });
    none("time comes from clock", &broken);
}

#[test]
fn tasks_are_started_through_shutdown() {
    let broken = offences(|source, index, token| {
        let starts = matches!(
            token.text.as_str(),
            "spawn" | "spawn_blocking" | "spawn_local"
        ) && source.text(index, 1) == "(";
        let by = (source.text(index, -1), source.text(index, -2));
        let is_definition = by.0 == "fn";
        let is_listed = MAY_START_TASKS.iter().any(|(path, _)| *path == source.path);
        let is_wrong = starts && !is_definition && by != (".", "shutdown") && !is_listed;
        is_wrong.then(|| format!("{}{}{}", by.1, by.0, token.text))
    });
    none("Shutdown::spawn starts tasks", &broken);
}

#[test]
fn the_tasks_of_listed_files_are_still_started() {
    let sources = sources("src");
    for (path, why) in MAY_START_TASKS {
        let starts = sources
            .iter()
            .filter(|source| source.path == *path)
            .flat_map(Source::code)
            .any(|(_, token)| token.text.starts_with("spawn"));
        assert!(starts, "{path} starts nothing any more ({why})");
    }
}

#[test]
fn nothing_from_outside_may_panic() {
    let broken = offences(|source, index, token| {
        let text = token.text.as_str();
        let is_call = source.text(index, -1) == "." && source.text(index, 1) == "(";
        let is_macro = source.text(index, 1) == "!";
        let is_wrong = (is_call && matches!(text, "unwrap" | "unwrap_err"))
            || (is_macro && matches!(text, "todo" | "unimplemented" | "dbg"));
        is_wrong.then(|| text.to_owned())
    });
    none("no unwrap outside of tests", &broken);
}

/// The names of all tests, also of those that only some builds have.
fn names_of_tests() -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for folder in ["src", "tests"] {
        let mut files = files_below(&project().join(folder));
        files.retain(|path| path.extension().is_some_and(|extension| extension == "rs"));
        for file in files {
            let text = fs::read_to_string(&file).unwrap();
            let mut is_test = false;
            for line in text.lines().map(str::trim) {
                let starts = ["fn ", "async fn "];
                let name = starts.iter().find_map(|start| line.strip_prefix(start));
                if line.starts_with("#[test]") || line.starts_with("#[tokio::test") {
                    is_test = true;
                } else if let Some(name) = name {
                    let name = name.split(['(', '<']).next().unwrap_or_default();
                    if std::mem::take(&mut is_test) {
                        names.insert(name.to_owned());
                    }
                }
            }
        }
    }
    names
}

/// Each line of a threat names what proves it, and all of these are there.
#[test]
fn every_threat_names_tests_that_exist() {
    let model = fs::read_to_string(project().join("docs/threat-model.md")).unwrap();
    let tests = names_of_tests();
    let mut threats = 0;
    let mut broken = Vec::new();
    let mut is_threat = false;
    for line in model.lines() {
        if !line.starts_with('|') {
            is_threat = false;
        } else if line.starts_with("| threat |") {
            is_threat = line.ends_with("| proven by |");
        } else if is_threat && !line.starts_with("|---") {
            threats += 1;
            let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
            let named = cells.last().copied().unwrap_or_default();
            let named: Vec<&str> = named
                .split(", ")
                .map(|name| name.trim_matches('`'))
                .collect();
            let is_proven = !named.is_empty() && named.iter().all(|name| tests.contains(*name));
            if cells.len() != 4 || cells.iter().any(|cell| cell.is_empty()) || !is_proven {
                broken.push(line.to_owned());
            }
        }
    }
    assert!(threats > 40, "only {threats} threats are found");
    none("every threat names tests that exist", &broken);
}

/// Each limit that is counted is in the table of the threat model, and nothing else is.
#[test]
fn every_limit_is_in_the_threat_model() {
    let model = fs::read_to_string(project().join("docs/threat-model.md")).unwrap();
    let (_, table) = model.split_once("## The limits").unwrap();
    let rows = table.lines().filter(|line| line.starts_with("| ")).skip(1);
    let words = rows.filter_map(|row| row.trim_matches('|').rsplit('|').next());
    let named: BTreeSet<&str> = words
        .flat_map(|cell| cell.split(", "))
        .map(|word| word.trim().trim_matches('`'))
        .collect();
    let source = fs::read_to_string(project().join("src/metrics/words.rs")).unwrap();
    let (_, limits) = source.split_once("impl Limit {").unwrap();
    let counted: BTreeSet<&str> = limits
        .lines()
        .filter_map(|line| line.split_once("=> \"")?.1.split('"').next())
        .collect();
    assert!(counted.len() > 20);
    assert_eq!(named, counted);
    let settings = fs::read_to_string(project().join("config.example.toml")).unwrap();
    let texts = table.split('`').skip(1).step_by(2);
    let names = texts.filter(|text| text.contains('_') && !counted.contains(text));
    let names = names.filter(|text| !text.starts_with("chrysalis_"));
    for name in names.map(|text| text.rsplit('.').next().unwrap_or(text)) {
        let is_setting = settings
            .lines()
            .any(|line| line.starts_with(&format!("{name} =")));
        assert!(is_setting, "{name} is no setting");
    }
}

#[test]
fn a_test_is_ignored_only_for_what_it_needs() {
    let mut broken = Vec::new();
    for folder in ["src", "tests"] {
        for source in sources(folder) {
            for index in 0..source.tokens.len() {
                let says_why = source.text(index, 4).starts_with("\"needs ");
                if source.reads(index, &["#", "[", "ignore"]) && !says_why {
                    let line = source.tokens[index].line;
                    broken.push(format!("{folder}/{}:{line}", source.path));
                }
            }
        }
    }
    none(
        "no ignored tests but those that need more than a machine has",
        &broken,
    );
}

#[test]
fn files_are_short() {
    let sources = sources("src");
    let long = sources
        .iter()
        .filter(|source| !source.is_test_module() && source.lines > LONGEST_FILE);
    let broken: Vec<String> = long
        .map(|source| format!("src/{}: {} lines of code", source.path, source.lines))
        .collect();
    none("no long files", &broken);
}

#[test]
fn nothing_speaks_of_where_it_was_written() {
    // Put together here, so that this file does not contain them.
    let words: Vec<String> = [
        ["/wo", "rk/"],
        ["/ro", "ot/"],
        ["/ho", "me/"],
        ["/Us", "ers/"],
        ["work", "tree"],
        ["TO", "DO"],
        ["FIX", "ME"],
    ]
    .iter()
    .map(|parts| parts.concat())
    .collect();
    let mut broken = Vec::new();
    for path in project_files() {
        let text =
            fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        for (number, line) in text.lines().enumerate() {
            if words.iter().any(|word| has_word(line, word)) || names_an_issue(line) {
                let path = path.strip_prefix(project()).unwrap().display();
                broken.push(format!("{path}:{}: {line}", number + 1));
            }
        }
    }
    none("no paths of a machine, no numbers of issues", &broken);
}

/// Whether a line has a word, and not as the end of a longer one.
fn has_word(line: &str, word: &str) -> bool {
    line.match_indices(word)
        .any(|(at, _)| !line[..at].ends_with(char::is_alphanumeric))
}

/// `#12` at the start of a word. A colour (`#000080`) or a character reference (`&#10;`) is none.
fn names_an_issue(line: &str) -> bool {
    line.match_indices('#').any(|(at, _)| {
        let starts = at == 0 || line[..at].ends_with([' ', '(']);
        let rest = &line[at + 1..];
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let ends = !rest[digits..].starts_with(|c: char| c.is_alphanumeric());
        starts && ends && (1..=5).contains(&digits)
    })
}

/// What the project consists of. Settings and databases of whoever works on it lie beside these.
fn project_files() -> Vec<PathBuf> {
    let folders = [
        ".ci",
        "benches",
        "contrib",
        "docs",
        "load",
        "migrations",
        "src",
        "tests",
    ];
    let files = [
        ".dockerignore",
        ".gitignore",
        "Cargo.toml",
        "Dockerfile",
        "README.md",
        "compose.yaml",
        "config.example.toml",
    ];
    let below = folders
        .iter()
        .flat_map(|folder| files_below(&project().join(folder)));
    below
        .chain(files.iter().map(|file| project().join(file)))
        .collect()
}

/// A rule that finds nothing must not be a rule that cannot find anything.
mod can_find {
    use super::*;

    fn source(path: &str, text: &str) -> Source {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(path);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, text).unwrap();
        Source::read(folder.path(), &file)
    }

    fn named(path: &str, text: &str) -> Vec<(usize, String)> {
        source(path, text).modules_named()
    }

    #[test]
    fn imports_of_every_form() {
        for text in [
            "use crate::hub::Hub;",
            "use crate::{hub::{Hub, rooms}};",
            "pub(crate) use crate::hub;",
            "use super::super::hub::Hub;",
            "use super::super::{hub};",
            "fn f() { crate::hub::f(); }",
            "macro_rules! m { () => { $crate::hub::f() } }",
            "mod a { use super::super::super::hub::Hub; }",
        ] {
            assert_eq!(named("ns/add.rs", text), [(1, "hub".to_owned())], "{text}");
        }
        let both = named("ns/add.rs", "\nuse crate::{hub::Hub, store};");
        assert_eq!(both, [(2, "hub".to_owned()), (2, "store".to_owned())]);
        assert_eq!(
            named("server.rs", "use super::hub::Hub;"),
            [(1, "hub".to_owned())]
        );
        assert_eq!(
            named("ns/mod.rs", "use super::hub::Hub;"),
            [(1, "hub".to_owned())]
        );
    }

    #[test]
    fn no_imports_where_there_are_none() {
        for text in [
            "// use crate::hub::Hub;",
            "/// [`crate::hub::Hub`]\nfn f() {}",
            "const A: &str = \"crate::hub::Hub\";",
            "use super::hub::Hub;",
            "#[cfg(test)]\nmod tests { use crate::hub::Hub; }",
            "#[cfg(test)]\nuse crate::hub::Hub;",
        ] {
            assert!(named("ns/add.rs", text).is_empty(), "{text}");
        }
        // What stands behind the tests counts again.
        let behind = "#[cfg(test)] mod tests { fn f() {} } use crate::hub::Hub;";
        assert_eq!(named("ns/add.rs", behind).len(), 1);
    }

    #[test]
    fn the_length_of_a_file_without_its_tests() {
        let text =
            "//! A file.\n\n/// A.\nfn a() {}\n\n#[cfg(test)]\nmod tests {\n    fn b() {}\n}\n";
        assert_eq!(source("a.rs", text).lines, 1);
    }

    #[test]
    fn versions() {
        for text in ["MSNP8", "\"MSNP12 or so\"", "Msnp8"] {
            assert!(names_a_version(text), "{text}");
        }
        for text in ["\"msnp11-sdk\"", "MSNP", "\"MSNP sign-in\""] {
            assert!(!names_a_version(text), "{text}");
        }
    }

    #[test]
    fn numbers_of_issues() {
        for parts in [["see ", "#12"], ["mended (", "#7)"]] {
            assert!(names_an_issue(&parts.concat()));
        }
        for text in ["&#10;", "# 12", "## 1. Taste", "colour #000080", "PROD#1"] {
            assert!(!names_an_issue(text), "{text}");
        }
    }
}
