//! Does the time that a verification takes depend on what is secret? Two classes of inputs are measured in random order and
//! compared with Welch's t-test, as dudect does (Reparaz, Balasch, Verbauwhede: "Dude, is my code constant time?", 2017).
//!
//! Inputs of both classes lie ready before the clock starts, in as many places, and are copied to the same one: what differs
//! is their content.

use crate::module::{KernelModule, Settings};
use countersign_core::{Config, KeyedScheme, Message, Request, SignedAt, internals};
use std::{hint::black_box, path::Path, time::Instant};

/// Above this much, classes differ for a reason (dudect's own figure); noise rarely gets there, and not three times.
pub const T_SUSPICIOUS: f64 = 4.5;
/// Above this much, there is no doubt.
pub const T_CERTAIN: f64 = 10.0;
/// A leak shows every time. What does not show in one of these was noise.
const RUNS_MAX: u32 = 3;
/// Inputs of each class.
const INPUTS: usize = 128;
/// Slow samples are those that were interrupted. Each crop leaves fewer of them: the first everything, the last the faster
/// half.
const KEPT_SHARES: [f64; 8] = [1.0, 0.99, 0.97, 0.95, 0.9, 0.8, 0.7, 0.5];

const SCHEME: &str = "github";
const HEADER: &str = "X-Hub-Signature-256";
const BODY: [u8; 500] = [b'x'; 500];

/// What a measurement found.
#[derive(Debug)]
pub struct Finding {
    pub name: &'static str,
    /// Of both classes together, in the last run.
    pub samples: usize,
    /// Means of the two classes, of the faster 90 of 100 samples.
    pub means_ns: [f64; 2],
    /// The largest over all crops, by its absolute value; of the run with the smallest one.
    pub t: f64,
    pub runs: u32,
    /// This one leaks on purpose.
    pub is_control: bool,
}

impl Finding {
    /// Whether it came out as it should.
    pub fn is_as_wanted(&self) -> bool {
        match self.is_control {
            true => self.t.abs() >= T_CERTAIN,
            false => self.t.abs() < T_SUSPICIOUS,
        }
    }
}

/// Something to be measured: makes the input of this class and place ready, then tells how long the work on it took.
trait Subject {
    fn sample_ns(&mut self, class: usize, place: usize) -> f64;
}

/// Measures everything.
///
/// # Errors
/// A kernel that cannot be loaded, or that does not do as it should.
pub fn measure(kernel: &Path, samples: usize) -> anyhow::Result<Vec<Finding>> {
    let finding =
        |name, is_control, subject: &mut dyn Subject| repeat(name, is_control, samples, subject);
    Ok(vec![
        finding(
            "control: comparison that stops at a difference",
            true,
            &mut Comparison::new(leaky),
        ),
        finding(
            "comparison, native",
            false,
            &mut Comparison::new(internals::is_equal),
        ),
        finding(
            "presented signature, native",
            false,
            &mut Native::signatures()?,
        ),
        finding("secret, native", false, &mut Native::secrets()?),
        finding(
            "control: signatures of two lengths, wasmtime",
            true,
            &mut Wasm::lengths(kernel)?,
        ),
        finding(
            "presented signature, wasmtime",
            false,
            &mut Wasm::signatures(kernel)?,
        ),
        finding("secret, wasmtime", false, &mut Wasm::secrets(kernel)?),
    ])
}

fn repeat(
    name: &'static str,
    is_control: bool,
    samples: usize,
    subject: &mut dyn Subject,
) -> Finding {
    let mut best: Option<Finding> = None;
    for run in 1..=RUNS_MAX {
        let mut finding = once(name, is_control, samples, subject);
        let t = finding.t.abs();
        if best.as_ref().is_none_or(|best| t < best.t.abs()) {
            finding.runs = run;
            best = Some(finding);
        } else if let Some(best) = &mut best {
            best.runs = run;
        }
        // A control has to leak in the first run.
        if is_control || t < T_SUSPICIOUS {
            break;
        }
    }
    best.expect("at least one run")
}

fn once(
    name: &'static str,
    is_control: bool,
    samples: usize,
    subject: &mut dyn Subject,
) -> Finding {
    let mut times: [Vec<f64>; 2] = Default::default();
    // The first tenth warms up.
    for sample in 0..samples + samples / 10 {
        let class = usize::from(fastrand::bool());
        let time_ns = subject.sample_ns(class, fastrand::usize(..INPUTS));
        if sample >= samples / 10 {
            times[class].push(time_ns);
        }
    }
    let mut sorted = times.concat();
    sorted.sort_unstable_by(f64::total_cmp);
    let mut t: f64 = 0.0;
    for share in KEPT_SHARES {
        let one = welch_t(&times, limit(&sorted, share));
        if one.abs() > t.abs() {
            t = one;
        }
    }
    let cut = limit(&sorted, 0.9);
    Finding {
        name,
        samples,
        means_ns: [0, 1].map(|class| Moments::of(&times[class], cut).mean),
        t,
        runs: 1,
        is_control,
    }
}

/// The time below which this share of the samples lies.
fn limit(sorted: &[f64], share: f64) -> f64 {
    let place = (sorted.len() as f64 * share) as usize;
    sorted
        .get(place.min(sorted.len().saturating_sub(1)))
        .copied()
        .unwrap_or(f64::INFINITY)
}

struct Moments {
    count: f64,
    mean: f64,
    variance: f64,
}

impl Moments {
    /// Of the samples up to this time; Welford's way, which keeps its precision.
    fn of(times: &[f64], limit: f64) -> Self {
        let (mut count, mut mean, mut squares) = (0.0, 0.0, 0.0);
        for time in times.iter().filter(|time| **time <= limit) {
            count += 1.0;
            let before = time - mean;
            mean += before / count;
            squares += before * (time - mean);
        }
        Self {
            count,
            mean,
            variance: squares / (count - 1.0_f64).max(1.0),
        }
    }
}

fn welch_t(times: &[Vec<f64>; 2], limit: f64) -> f64 {
    let [one, other] = [0, 1].map(|class| Moments::of(&times[class], limit));
    let error = (one.variance / one.count + other.variance / other.count).sqrt();
    match error > 0.0 {
        true => (one.mean - other.mean) / error,
        false => 0.0,
    }
}

/// How long so many rounds take, each.
fn timed(rounds: u32, mut work: impl FnMut()) -> f64 {
    let start = Instant::now();
    for _ in 0..rounds {
        work();
    }
    start.elapsed().as_nanos() as f64 / f64::from(rounds)
}

/// What `==` on texts does on a machine without vectors.
fn leaky(one: &[u8], other: &[u8]) -> bool {
    one.len() == other.len()
        && one
            .iter()
            .zip(other)
            .all(|(one, other)| black_box(*one) == black_box(*other))
}

const DIGITS: [u8; 16] = *b"0123456789abcdef";

/// Another digit of the same kind. The check of a refused signature's form looks at its characters, which are public, and
/// takes letters another way than numerals: that is not what is measured here.
fn other_digit(digit: u8) -> u8 {
    let (numerals, letters) = DIGITS.split_at(10);
    let kind = if digit.is_ascii_digit() {
        numerals
    } else {
        letters
    };
    let place = kind.iter().position(|one| *one == digit).unwrap_or(0);
    kind[(place + fastrand::usize(1..kind.len())) % kind.len()]
}

/// Presented signatures of the right form: right but for the last digit, and wrong from the first on.
fn presented(right: &str) -> [Vec<String>; 2] {
    let start = right.len() - 64;
    [0, 1].map(|class| {
        let make = |_| {
            let mut text = right.as_bytes().to_vec();
            let last = text.len() - 1;
            if class == 0 {
                text[last] = other_digit(text[last]);
            } else {
                text[start..]
                    .iter_mut()
                    .for_each(|digit| *digit = other_digit(*digit));
            }
            String::from_utf8_lossy(&text).into_owned()
        };
        (0..INPUTS).map(make).collect()
    })
}

fn signed(secret: &str) -> anyhow::Result<String> {
    let keyed = KeyedScheme::new(&Config::new(SCHEME, &[secret]))?;
    let headers = keyed.sign(&Message::new(SignedAt::UnixMs(0), &BODY))?;
    let header = headers.into_iter().find(|header| header.name == HEADER);
    Ok(header.map(|header| header.value).unwrap_or_default())
}

/// One secret for all, and one for each place.
fn secrets() -> [Vec<String>; 2] {
    let random = |_| (0..32).map(|_| fastrand::alphanumeric()).collect();
    let fixed = "0123456789abcdef0123456789abcdef".to_owned();
    [vec![fixed; INPUTS], (0..INPUTS).map(random).collect()]
}

/// Two texts of 64 digits.
struct Comparison {
    compare: fn(&[u8], &[u8]) -> bool,
    right: String,
    inputs: [Vec<String>; 2],
    buffer: Vec<u8>,
}

impl Comparison {
    const ROUNDS: u32 = 32;

    fn new(compare: fn(&[u8], &[u8]) -> bool) -> Self {
        let digits = (0..64).map(|_| char::from(DIGITS[fastrand::usize(..DIGITS.len())]));
        let right: String = digits.collect();
        Self {
            compare,
            inputs: presented(&right),
            buffer: vec![0; right.len()],
            right,
        }
    }
}

impl Subject for Comparison {
    fn sample_ns(&mut self, class: usize, place: usize) -> f64 {
        self.buffer
            .copy_from_slice(self.inputs[class][place].as_bytes());
        timed(Self::ROUNDS, || {
            black_box((self.compare)(
                black_box(self.right.as_bytes()),
                black_box(&self.buffer),
            ));
        })
    }
}

/// The core, called directly.
struct Native {
    keyed: [Vec<KeyedScheme>; 2],
    inputs: [Vec<String>; 2],
    header: [(&'static str, String); 1],
}

impl Native {
    const ROUNDS: u32 = 2;

    fn signatures() -> anyhow::Result<Self> {
        let keyed = KeyedScheme::new(&Config::new(SCHEME, &["secret"]))?;
        let inputs = presented(&signed("secret")?);
        Ok(Self::new(
            [0, 1].map(|_| vec![keyed.clone(); INPUTS]),
            inputs,
        ))
    }

    fn secrets() -> anyhow::Result<Self> {
        let key = |secret: &String| KeyedScheme::new(&Config::new(SCHEME, &[secret]));
        let [fixed, random] = secrets();
        let keyed = [
            fixed.iter().map(key).collect::<Result<_, _>>()?,
            random.iter().map(key).collect::<Result<_, _>>()?,
        ];
        let one = signed("another")?;
        Ok(Self::new(keyed, [0, 1].map(|_| vec![one.clone(); INPUTS])))
    }

    fn new(keyed: [Vec<KeyedScheme>; 2], inputs: [Vec<String>; 2]) -> Self {
        Self {
            keyed,
            inputs,
            header: [(HEADER, String::new())],
        }
    }
}

impl Subject for Native {
    fn sample_ns(&mut self, class: usize, place: usize) -> f64 {
        let keyed = &self.keyed[class][place];
        self.header[0].1.clear();
        self.header[0].1.push_str(&self.inputs[class][place]);
        let request = Request::new(&self.header, &BODY);
        timed(Self::ROUNDS, || {
            let verdict = keyed.verify(black_box(&request), 0);
            assert!(black_box(verdict).is_err());
        })
    }
}

/// The kernel as the host runs it.
struct Wasm {
    kernel: KernelModule,
    handles: [Vec<u32>; 2],
    /// Frames of requests.
    inputs: [Vec<Vec<u8>>; 2],
}

impl Wasm {
    const ROUNDS: u32 = 2;

    fn signatures(path: &Path) -> anyhow::Result<Self> {
        let one = || vec!["secret".to_owned(); INPUTS];
        Self::new(path, [one(), one()], presented(&signed("secret")?))
    }

    /// One class is too short to be a signature, which is public and takes less time.
    fn lengths(path: &Path) -> anyhow::Result<Self> {
        let one = || vec!["secret".to_owned(); INPUTS];
        let [whole, _] = presented(&signed("secret")?);
        let short = vec!["sha256=0123abcd".to_owned(); INPUTS];
        Self::new(path, [one(), one()], [whole, short])
    }

    fn secrets(path: &Path) -> anyhow::Result<Self> {
        let one = signed("another")?;
        Self::new(path, secrets(), [0, 1].map(|_| vec![one.clone(); INPUTS]))
    }

    fn new(
        path: &Path,
        secrets: [Vec<String>; 2],
        signatures: [Vec<String>; 2],
    ) -> anyhow::Result<Self> {
        let mut kernel = KernelModule::load(path)?;
        let mut handles: [Vec<u32>; 2] = Default::default();
        let mut inputs: [Vec<Vec<u8>>; 2] = Default::default();
        // Taking turns, so that neither class has the better places in memory.
        for place in 0..INPUTS {
            for class in [0, 1] {
                let settings = Settings {
                    secrets: vec![&secrets[class][place]],
                    ..Settings::default()
                };
                let handle = kernel.verifier(SCHEME, &settings)?;
                let handle = handle.map_err(|code| anyhow::anyhow!(code.name()))?;
                let header = [(HEADER.to_owned(), signatures[class][place].clone())];
                let request = Request::new(header.as_slice(), &BODY);
                inputs[class].push(kernel.request(handle, &request)?);
                handles[class].push(handle);
            }
        }
        Ok(Self {
            kernel,
            handles,
            inputs,
        })
    }
}

impl Subject for Wasm {
    fn sample_ns(&mut self, class: usize, place: usize) -> f64 {
        let handle = self.handles[class][place];
        let len = self
            .kernel
            .put(&self.inputs[class][place])
            .expect("the frame fits");
        timed(Self::ROUNDS, || {
            let code = self.kernel.verify_again(handle, len, 0).expect("an answer");
            assert_ne!(code, countersign_kernel::Code::Valid);
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_classes_are_equal_and_others_are_not() {
        fastrand::seed(7);
        let noise = |shift: f64| (0..5_000).map(move |_| shift + fastrand::f64()).collect();
        let same = welch_t(&[noise(100.0), noise(100.0)], f64::INFINITY);
        assert!(same.abs() < T_SUSPICIOUS, "{same}");
        let other = welch_t(&[noise(100.0), noise(100.1)], f64::INFINITY);
        assert!(other < -T_CERTAIN, "{other}");
    }

    #[test]
    fn moments_are_those_of_the_textbook() {
        let moments = Moments::of(&[1.0, 2.0, 3.0, 4.0, 100.0], 10.0);
        assert_eq!((moments.count, moments.mean), (4.0, 2.5));
        assert!((moments.variance - 5.0 / 3.0).abs() < 1e-12);
    }

    #[test]
    fn presented_signatures_differ_where_they_should() {
        let right = format!("sha256={}", "a".repeat(64));
        let [late, early] = presented(&right);
        for (late, early) in late.iter().zip(&early) {
            assert!(late != &right && late[..70] == right[..70]);
            assert!(early.starts_with("sha256=") && !early[7..].contains('a'));
        }
    }

    #[test]
    fn a_control_must_leak_and_nothing_else_may() {
        let finding = |t, is_control| Finding {
            name: "",
            samples: 0,
            means_ns: [0.0; 2],
            t,
            runs: 1,
            is_control,
        };
        assert!(finding(-50.0, true).is_as_wanted() && !finding(5.0, true).is_as_wanted());
        assert!(finding(-4.0, false).is_as_wanted() && !finding(-5.0, false).is_as_wanted());
    }
}
