"""A model that says what a test wants, and a room without a way out in which a program talks to it.

    python fake_llm.py MODE [--interrupt-after SECONDS] -- PROGRAM ARGUMENT…

starts the model on port 8377 of loopback and the program beside it. Where an argument or a variable of the
environment holds ``{url}``, the program gets the model's address. It ends with the program's exit code. Run
it under ``unshare -rn``: then loopback is all the network there is, and nobody else can be reached.

The model speaks three dialects: Anthropic's messages, OpenAI's responses (both as server-sent events) and
Gemini's ``streamGenerateContent``. The prompt says which file is to be written: ``write-here: a/file``.

Modes: `done` calls one tool that writes the file, then ends. `phantom` says that it is done, and calls none.
`denied` calls a tool that nobody allowed. `limited` answers 429 with Retry-After: 7. `auth` answers 401.
`hang` takes the request and says nothing.
"""

from __future__ import annotations

import fcntl
import http.server
import json
import os
import re
import signal
import socket
import struct
import subprocess
import sys
import threading
import time

MODES = ("done", "phantom", "denied", "limited", "auth", "hang")
SAID = "The file is written."
_WANTED = re.compile(r"write-here: ([^\s\"\\]+)")
_FOLDER = re.compile(r"(?:orking directory: |Workspace Directories:\*\*\\n  - )(/[^\s\"\\]+)")
PORT = 8377
_SHELLS = ("exec_command", "shell", "shell_command", "local_shell")


class Model(http.server.BaseHTTPRequestHandler):
    """Answers each request by the mode of its server."""

    def do_GET(self):  # lists of models and the like: nobody needs one
        self._json(404, {"error": {"message": "not here"}})

    def do_HEAD(self):
        self.send_response(200)
        self.end_headers()

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode(errors="replace")
        mode = self.server.mode
        if self.server.requests:
            with open(self.server.requests, "a") as log:
                log.write(f"{self.path} {body}\n")
        if mode == "hang":
            time.sleep(120)
        if mode == "limited":
            self._json(429, _problem(self.path, 429), {"Retry-After": "7"})
        elif mode == "auth":
            self._json(401, _problem(self.path, 401))
        elif self.path.split("?")[0].endswith("/v1/messages"):
            self._events(_anthropic(json.loads(body), mode))
        elif self.path.split("?")[0].endswith("/responses"):
            self._events(_openai(json.loads(body), mode))
        elif ":streamGenerateContent" in self.path:
            self._events(_gemini(json.loads(body), mode))
        elif ":generateContent" in self.path:
            self._json(200, _gemini_answer([{"text": SAID}], 10, 0, 5))
        elif "count_tokens" in self.path or ":countTokens" in self.path:
            self._json(200, {"input_tokens": 10, "totalTokens": 10})
        else:
            self._json(200, {})

    def _json(self, code, value, headers=()):
        data = json.dumps(value).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        for name, text in dict(headers).items():
            self.send_header(name, text)
        self.end_headers()
        self.wfile.write(data)

    def _events(self, events):
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        for event in events:
            name = f"event: {event['type']}\n" if "type" in event else ""
            self.wfile.write(f"{name}data: {json.dumps(event)}\n\n".encode())

    def log_message(self, *_):
        pass


def _problem(path, code):
    kind = {429: "rate_limit_error", 401: "authentication_error"}[code]
    if ":streamGenerateContent" in path or ":generateContent" in path:
        status = {429: "RESOURCE_EXHAUSTED", 401: "UNAUTHENTICATED"}[code]
        error = {"code": code, "message": f"fake {kind}", "status": status}
        if code == 429:
            error["details"] = [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "7s"}]
        return {"error": error}
    return {"type": "error", "error": {"type": kind, "code": kind, "message": f"fake {kind}"}}


def _wanted(request):
    """Returns the file to write, or "" where the prompt names none; the last is this turn's."""
    text = json.dumps(request)
    found, folder = _WANTED.findall(text), _FOLDER.findall(text)
    return os.path.join(folder[0], found[-1]) if found and folder else found[-1] if found else ""


def _has_tool(request, name):
    return any(tool.get("name") == name for tool in request.get("tools") or ())


def _anthropic(request, mode):
    model = request.get("model", "claude")
    messages = json.dumps(request.get("messages", ()))
    path = _wanted(request)
    calls = path and _has_tool(request, "Write") and mode != "phantom" and "tool_result" not in messages
    use = {"input_tokens": 12, "cache_creation_input_tokens": 100, "cache_read_input_tokens": 1000}
    first = {"id": "msg_1", "type": "message", "role": "assistant", "model": model, "content": []}
    yield {"type": "message_start", "message": {**first, "usage": {**use, "output_tokens": 1}}}
    if calls:
        tool, given = "Write", {"file_path": path, "content": "written\n"}
        if mode == "denied":
            tool, given = "Bash", {"command": f"curl -o {path} http://example.com", "description": "fetch"}
        block = {"type": "tool_use", "id": f"toolu_{os.getpid()}", "name": tool, "input": {}}
        yield {"type": "content_block_start", "index": 0, "content_block": block}
        part = {"type": "input_json_delta", "partial_json": json.dumps(given)}
        yield {"type": "content_block_delta", "index": 0, "delta": part}
    else:
        yield {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}
        yield {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": SAID}}
    yield {"type": "content_block_stop", "index": 0}
    why = {"stop_reason": "tool_use" if calls else "end_turn", "stop_sequence": None}
    yield {"type": "message_delta", "delta": why, "usage": {**use, "output_tokens": 40}}
    yield {"type": "message_stop"}


def _openai(request, mode):
    given = json.dumps(request.get("input", ()))
    path = _wanted(request)
    answered = "function_call_output" in given or "custom_tool_call_output" in given
    head = {"id": "resp_1", "object": "response", "created_at": 1, "model": request.get("model", "gpt")}
    yield {"type": "response.created", "response": {**head, "status": "in_progress", "output": []}}
    if path and mode != "phantom" and not answered:
        shell = next((name for name in _SHELLS if _has_tool(request, name)), "exec_command")
        line = f"curl -o {path} http://example.com" if mode == "denied" else f"echo written > {path}"
        key, value = ("cmd", line) if shell == "exec_command" else ("command", ["sh", "-c", line])
        item = {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": shell}
        item |= {"arguments": json.dumps({key: value}), "status": "completed"}
    else:
        text = {"type": "output_text", "text": SAID, "annotations": []}
        item = {"type": "message", "id": "m_1", "role": "assistant", "status": "completed", "content": [text]}
    yield {"type": "response.output_item.done", "output_index": 0, "item": item}
    use = {"input_tokens": 1112, "input_tokens_details": {"cached_tokens": 1000}, "output_tokens": 40}
    use |= {"output_tokens_details": {"reasoning_tokens": 8}, "total_tokens": 1152}
    done = {**head, "status": "completed", "output": [item], "usage": use}
    yield {"type": "response.completed", "response": done}


def _gemini(request, mode):
    contents = json.dumps(request.get("contents", ()))
    path = _wanted(request)
    if path and mode != "phantom" and "functionResponse" not in contents:
        call = {"name": "write_file", "args": {"file_path": path, "content": "written\n"}}
        if mode == "denied":
            call = {"name": "run_shell_command", "args": {"command": f"curl -o {path} http://example.com"}}
        yield _gemini_answer([{"functionCall": call}], 1112, 1000, 32)
    else:
        yield _gemini_answer([{"text": SAID}], 1112, 1000, 32)


def _gemini_answer(parts, read, cached, written):
    use = {"promptTokenCount": read, "cachedContentTokenCount": cached, "candidatesTokenCount": written}
    use |= {"thoughtsTokenCount": 8, "totalTokenCount": read + written + 8}
    content = {"role": "model", "parts": parts}
    return {
        "candidates": [{"content": content, "finishReason": "STOP", "index": 0}],
        "usageMetadata": use,
        "modelVersion": "gemini-fake",
    }


def _raise_loopback():
    """Brings `lo` up, as `ip link set lo up` does; a fresh network namespace has it down."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        name = b"lo" + bytes(14)
        flags = struct.unpack("16sh", fcntl.ioctl(any_socket, 0x8913, name + bytes(2)))[1]  # SIOCGIFFLAGS
        if not flags & 1:
            fcntl.ioctl(any_socket, 0x8914, struct.pack("16sh", name, flags | 1))  # SIOCSIFFLAGS: IFF_UP


def main(words):
    """Runs the program of `words` beside the model."""
    own, program = words[: words.index("--")], words[words.index("--") + 1 :]
    _raise_loopback()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", PORT), Model)
    server.daemon_threads = True
    server.mode, server.requests = own[0], os.environ.get("FAKE_LLM_REQUESTS")
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{PORT}"
    environment = {name: value.replace("{url}", url) for name, value in os.environ.items()}
    child = subprocess.Popen(
        [word.replace("{url}", url) for word in program], env=environment, start_new_session=True
    )
    if "--interrupt-after" in own:
        try:
            child.wait(float(own[own.index("--interrupt-after") + 1]))
        except subprocess.TimeoutExpired:
            child.send_signal(signal.SIGINT)
    return child.wait()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
