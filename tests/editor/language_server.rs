//! `yaml-language-server` from npm, spoken to as an editor does: JSON-RPC over its standard input and output.

use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::OnceLock;
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};
use state_tests::program::{target_directory, workspace};

/// The last version that runs with the Node.js of Debian 12; the next one wants Node.js 22.
const PACKAGE: &str = "yaml-language-server@1.25.0";

/// How long an answer may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// A running server with one document at most.
pub(crate) struct LanguageServer {
    process: Child,
    input: ChildStdin,
    messages: Receiver<Value>,
    last_request: u64,
    document: String,
    documents: u32,
}

/// Installs the server once, below the target directory.
fn program() -> PathBuf {
    static INSTALLED: OnceLock<PathBuf> = OnceLock::new();
    INSTALLED
        .get_or_init(|| {
            let directory = target_directory().join("tools").join(PACKAGE);
            let program = directory.join("node_modules/.bin/yaml-language-server");
            if !program.exists() {
                std::fs::create_dir_all(&directory).unwrap();
                let npm = Command::new("npm")
                    .args(["install", "--silent", "--no-audit", "--no-fund", "--prefix"])
                    .arg(&directory)
                    .arg(PACKAGE)
                    .status();
                assert!(
                    npm.is_ok_and(|status| status.success()),
                    "npm install {PACKAGE} failed: install nodejs and npm"
                );
            }
            program
        })
        .clone()
}

impl LanguageServer {
    pub(crate) fn start() -> Self {
        let mut process = Command::new(program())
            .arg("--stdio")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let input = process.stdin.take().unwrap();
        let mut output = BufReader::new(process.stdout.take().unwrap());
        let (sender, messages) = channel();
        thread::spawn(move || {
            while let Some(message) = read_message(&mut output) {
                if sender.send(message).is_err() {
                    break;
                }
            }
        });
        let mut server =
            Self { process, input, messages, last_request: 0, document: String::new(), documents: 0 };
        server.call("initialize", &json!({"processId": null, "rootUri": null, "capabilities": {}}));
        server.notify("initialized", &json!({}));
        server
    }

    /// Opens a document with the schema of this name, and waits for what the server finds in it.
    pub(crate) fn diagnostics(&mut self, schema: &str, text: &str) -> Vec<Value> {
        self.documents += 1;
        self.document = format!("file:///{}.yaml", self.documents);
        let schema = workspace().join(format!("docs/schemas/{schema}.schema.json"));
        let text = format!("# yaml-language-server: $schema=file://{}\n{text}", schema.display());
        let document = json!({"uri": self.document, "languageId": "yaml", "version": 1, "text": text});
        self.notify("textDocument/didOpen", &json!({"textDocument": document}));
        let is_ours = |message: &Value, uri: &str| {
            message["method"] == "textDocument/publishDiagnostics" && message["params"]["uri"] == uri
        };
        let uri = self.document.clone();
        let message = self.wait_for(|message| is_ours(message, &uri));
        message["params"]["diagnostics"].as_array().unwrap().clone()
    }

    /// Asks about a place in the document.
    pub(crate) fn request(&mut self, method: &str, position: Value) -> Value {
        let mut parameters = json!({"textDocument": {"uri": self.document}});
        parameters["position"] = position;
        self.call(method, &parameters)
    }

    fn call(&mut self, method: &str, parameters: &Value) -> Value {
        self.last_request += 1;
        let id = self.last_request;
        self.send(&json!({"jsonrpc": "2.0", "id": id, "method": method, "params": parameters}));
        let mut answer = self.wait_for(|message| message["id"] == id && message.get("method").is_none());
        assert!(answer.get("error").is_none(), "{answer}");
        answer["result"].take()
    }

    fn notify(&mut self, method: &str, parameters: &Value) {
        self.send(&json!({"jsonrpc": "2.0", "method": method, "params": parameters}));
    }

    /// Waits for a message, and meanwhile answers the server's own requests with nothing.
    fn wait_for(&mut self, is_wanted: impl Fn(&Value) -> bool) -> Value {
        loop {
            let message = self.messages.recv_timeout(PATIENCE).expect("an answer of the language server");
            if is_wanted(&message) {
                return message;
            }
            if message.get("method").is_some() && message.get("id").is_some() {
                self.send(&json!({"jsonrpc": "2.0", "id": message["id"], "result": null}));
            }
        }
    }

    fn send(&mut self, message: &Value) {
        let body = message.to_string();
        write!(self.input, "Content-Length: {}\r\n\r\n{body}", body.len()).unwrap();
        self.input.flush().unwrap();
    }
}

impl Drop for LanguageServer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn read_message(output: &mut impl BufRead) -> Option<Value> {
    let mut length = 0;
    loop {
        let mut line = String::new();
        if output.read_line(&mut line).ok()? == 0 {
            return None;
        }
        match line.trim_end().split_once(": ") {
            Some(("Content-Length", value)) => length = value.parse().ok()?,
            Some(_) => {}
            None => break,
        }
    }
    let mut body = vec![0; length];
    output.read_exact(&mut body).ok()?;
    serde_json::from_slice(&body).ok()
}
