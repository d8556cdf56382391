/** A mistake in how the command was called. Ends with exit code 2. */
export class UsageError extends Error {}

/** What an exit code tells a script. */
export const EXIT = { valid: 0, refused: 1, usage: 2 } as const;

const SHARED = `
Sender
  -p, --provider NAME       cleanmails, smartlead, sendemall or platform;
                            standard for a host's own events
      --scheme NAME         any other signature scheme: stripe, github, standard-webhooks ...
      --option NAME=VALUE   a setting of the scheme, as in createVerifier: --option header=X-Acme

Secret (several are tried in turn)
      --secret-file FILE    the file's text, without a line break at its end
      --secret-env NAME     an environment variable; without any of these options COUNTERSIGN_SECRET
      --secret TEXT         for a quick try only: other programs and the shell's history see it
`;

const REQUEST = `
Request
  FILE                      raw HTTP as captured, JSON { "headers": ..., "body": ... }, or a
                            recording; left out, or -: standard input
      --line NUMBER         which request of a recording, counted from 1
  -H, --header HEADER       a header as 'Name: value' (repeat it), together with
      --body-file FILE      the exact body; -: standard input
      --method, --url       where the scheme signs them; the full address that the sender called

Clock
      --tolerance SECONDS   how old a signed timestamp may be; "off": any age, for old captures
      --now SECONDS         the time to judge by, in unix seconds
`;

const OUTPUT = `
Output
      --json                for programs
  -h, --help                this text
`;

const EXITS = "Exit code: 0 the signature fits, 1 it does not, 2 the command was called wrongly.";

export const HELP = {
  main: `countersign: verify, sign and explain signed webhooks

  countersign verify     is this request really from its sender?
  countersign explain    why does this signature not match, and what to do?
  countersign sign       the headers that a sender would put on this body
  countersign listen     a local receiver that verifies, explains, shows and forwards

Each has a help of its own: countersign verify --help

Try it:
  export COUNTERSIGN_SECRET=test
  echo -n '{"event":"email.sent"}' > body.json
  countersign sign --provider cleanmails --body-file body.json
  countersign sign --provider cleanmails --body-file body.json --curl http://localhost:3000/hooks
  countersign listen --provider cleanmails
`,
  verify: `countersign verify: is this request really from its sender?

  countersign verify --provider cleanmails --secret-file secret.txt request.http
  countersign verify --scheme stripe -H 'Stripe-Signature: t=...' --body-file body.json
${SHARED}${REQUEST}${OUTPUT}
${EXITS}
The body must be the exact bytes that arrived: JSON that was parsed and printed again does not fit.
When it does not verify, ask "countersign explain" with the same options.
`,
  explain: `countersign explain: why does this signature not match, and what to do?

  countersign explain --provider sendemall --secret-file secret.txt request.http
  countersign explain --provider sendemall --secret-file secret.txt --line 7 hooks.jsonl

Changes one thing at a time in secret, header, address, clock and body, and verifies again. What
then fits is the cause.
${SHARED}      --other NAME=FILE     the secret of another endpoint, to see whether it is that one
${REQUEST}${OUTPUT}
Exit code: 0 the signature fits, 1 it does not, 2 the command was called wrongly, or the
secret can be no key.
`,
  sign: `countersign sign: the headers that a sender would put on this body

  countersign sign --provider cleanmails --secret-file secret.txt --body-file body.json
  countersign sign --scheme svix --id msg_1 --body-file body.json --curl http://localhost:3000/hooks
${SHARED}
Message
      --body-file FILE      the exact body that will be sent; left out, or -: standard input
      --id TEXT             message id, where the scheme signs one
      --timestamp SECONDS   left out: now
  -H, --header HEADER       a further header that is signed, where the scheme can (hook0)
      --method, --url       where the scheme signs them
      --curl URL            print a curl command that sends the file there (needs --body-file)
${OUTPUT}
Exit code: 0 signed, 2 the command was called wrongly.
`,
  listen: `countersign listen: a local receiver that verifies, explains, shows and forwards

  countersign listen --provider smartlead --secret-file secret.txt --port 3000
  countersign listen --provider cleanmails --secret-env SECRET --forward http://localhost:8080/hooks
  countersign listen --provider cleanmails --secret-env SECRET --record hooks.jsonl

Answers as the sender expects. What does not verify is answered with 401, explained here and not
forwarded. With --forward your program gets the very bytes and headers, and its answer goes back to
the sender.
${SHARED}
Receiver
      --port NUMBER         default 3000; 0: any free one
      --host ADDRESS        default 127.0.0.1, this machine only
      --forward URL         send what verifies on to this address
      --url URL             the full address that the sender calls, where the scheme signs it
      --status NUMBER       answer what verifies with this status, so that the sender tries again
      --record FILE         add every request to this file, one a line, with the exact bytes
      --record-max-bytes N  longest that the file may become, default 268435456
      --max-bytes NUMBER    longest body, default 1048576; longer ones are answered with 413
      --tolerance SECONDS   how old a signed timestamp may be; "off": any age
      --show-body           print the body of each request
${OUTPUT}
Stops with Ctrl-C. Exit code: 0 stopped, 2 the command was called wrongly.
`,
} as const;
