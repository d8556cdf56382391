use super::*;
use alloc::{string::ToString, vec, vec::Vec};

const EXTREMES: [u64; 8] = [
    0,
    1,
    2,
    999,
    DAY_MS,
    u32::MAX as u64,
    u64::MAX - 1,
    u64::MAX,
];

fn total_ms(schedule: &RetrySchedule) -> u64 {
    schedule.delays_ms().iter().sum()
}

// Holds: C30, R-C1, S30, R-S6, E30, R-P11
#[test]
fn the_documented_totals_come_out() {
    // R-C1: 14 s, four requests, or three of them within 6 s. R-S6: 7 h 21 min, six requests. E30: 35 min 30 s, four.
    for (schedule, written, attempts, total_s) in [
        (RetrySchedule::CLEANMAILS, "2s, 4s, 8s", 4, 14),
        (RetrySchedule::CLEANMAILS_STRICT, "2s, 4s", 3, 6),
        (
            RetrySchedule::SMARTLEAD,
            "1min, 5min, 15min, 1h, 6h",
            6,
            7 * 3600 + 21 * 60,
        ),
        (
            RetrySchedule::SENDEMALL,
            "30s, 5min, 30min",
            4,
            35 * 60 + 30,
        ),
        (
            RetrySchedule::STANDARD_WEBHOOKS,
            "5s, 5min, 30min, 2h, 5h, 10h, 14h, 20h, 1d",
            10,
            75 * 3600 + 35 * 60 + 5,
        ),
    ] {
        assert_eq!(schedule.to_string(), written);
        assert_eq!(schedule.attempts_max(), attempts);
        assert_eq!(total_ms(&schedule) / 1000, total_s, "{schedule:?}");
    }
}

// Holds: C30
#[test]
fn delays_are_counted_from_the_first_attempt() {
    let schedule = RetrySchedule::CLEANMAILS;
    let delays: Vec<_> = (0..6).map(|attempt| schedule.delay_ms(attempt)).collect();
    assert_eq!(
        delays,
        [None, Some(2_000), Some(4_000), Some(8_000), None, None]
    );
    assert_eq!(schedule.delay_ms(u32::MAX), None);
    let single = RetrySchedule::custom(Vec::new()).unwrap();
    assert_eq!((single.delay_ms(1), single.attempts_max()), (None, 1));
}

#[test]
fn a_schedule_keeps_its_bounds() {
    let with = |delays_ms| RetrySchedule::custom(delays_ms).map(|schedule| schedule.attempts_max());
    assert_eq!(with(vec![DELAY_MS_MAX; RETRIES_MAX]), Ok(101));
    assert_eq!(
        with(vec![0; RETRIES_MAX + 1]),
        Err(ScheduleError::TooManyRetries)
    );
    assert_eq!(
        with(vec![0, DELAY_MS_MAX + 1]),
        Err(ScheduleError::DelayTooLong { retry: 2 })
    );
    // Also what another program wrote.
    let json = serde_json::to_string(&RetrySchedule::CLEANMAILS).unwrap();
    assert_eq!(json, r#"{"delays_ms":[2000,4000,8000]}"#);
    let read: RetrySchedule = serde_json::from_str(&json).unwrap();
    assert_eq!(read, RetrySchedule::CLEANMAILS);
    let too_long = r#"{"delays_ms":[2592000001]}"#;
    assert!(serde_json::from_str::<RetrySchedule>(too_long).is_err());
}

#[test]
fn an_exponential_schedule_grows_up_to_its_cap() {
    let backoff = Backoff {
        base_ms: 1_000,
        factor: 3,
        cap_ms: 20_000,
    };
    let schedule = RetrySchedule::exponential(backoff, 5).unwrap();
    assert_eq!(schedule.delays_ms(), [1_000, 3_000, 9_000, 20_000, 20_000]);
    let bounded = RetrySchedule::exponential(backoff, u32::MAX);
    assert_eq!(bounded, Err(ScheduleError::TooManyRetries));
    let uncapped = Backoff {
        cap_ms: u64::MAX,
        ..backoff
    };
    assert_eq!(
        RetrySchedule::exponential(uncapped, 100),
        Err(ScheduleError::DelayTooLong { retry: 15 })
    );
}

#[test]
fn a_backoff_never_shrinks_and_never_passes_its_cap() {
    for base_ms in EXTREMES {
        for cap_ms in EXTREMES {
            for factor in [0, 1, 2, u32::MAX] {
                let backoff = Backoff {
                    base_ms,
                    factor,
                    cap_ms,
                };
                assert_eq!(backoff.wait_ms(1), base_ms.min(cap_ms));
                let waits = [0, 1, 2, 3, 64, u32::MAX].map(|number| backoff.wait_ms(number));
                assert!(waits.is_sorted(), "{backoff:?}");
                assert!(
                    waits.iter().all(|wait_ms| *wait_ms <= cap_ms),
                    "{backoff:?}"
                );
            }
        }
    }
}

#[test]
fn schedules_are_written_as_they_are_read() {
    for (text, written) in [
        ("", ""),
        ("  ", ""),
        ("2s,4s,8s", "2s, 4s, 8s"),
        ("60s, 90s, 120min, 1d", "1min, 90s, 2h, 1d"),
        ("0s, 5 ms, 30d", "0ms, 5ms, 30d"),
    ] {
        let schedule: RetrySchedule = text.parse().unwrap();
        assert_eq!(schedule.to_string(), written);
        assert_eq!(written.parse(), Ok(schedule));
    }
    for (text, error) in [
        ("5", ScheduleError::NotADelay { retry: 1 }),
        ("s", ScheduleError::NotADelay { retry: 1 }),
        ("5s,", ScheduleError::NotADelay { retry: 2 }),
        ("5s,-5s", ScheduleError::NotADelay { retry: 2 }),
        ("5s, 1.5h", ScheduleError::NotADelay { retry: 2 }),
        ("5\u{e9}", ScheduleError::NotADelay { retry: 1 }),
        ("31d", ScheduleError::DelayTooLong { retry: 1 }),
        (
            "99999999999999999999999s",
            ScheduleError::DelayTooLong { retry: 1 },
        ),
    ] {
        assert_eq!(text.parse::<RetrySchedule>(), Err(error), "{text}");
    }
    let many = "1s,".repeat(1_000_000);
    assert_eq!(
        many.parse::<RetrySchedule>(),
        Err(ScheduleError::TooManyRetries)
    );
}

#[test]
fn jitter_stays_in_its_range_and_reaches_both_ends() {
    assert_eq!(Jitter::NONE.apply(2_000, u64::MAX), 2_000);
    assert_eq!(Jitter::FIFTH.apply(2_000, 0), 2_000);
    assert_eq!(Jitter::FIFTH.apply(2_000, u64::MAX / 2), 2_200);
    assert_eq!(Jitter::FIFTH.apply(2_000, u64::MAX), 2_400);
    let around = Jitter::around(50, 100).unwrap();
    assert_eq!(around.apply(2_000, 0), 1_000);
    assert_eq!(around.apply(2_000, u64::MAX), 4_000);
    assert_eq!(
        Jitter::lengthening(101),
        Err(JitterError::TooLarge { percent: 101 })
    );
    assert_eq!(
        Jitter::around(255, 0),
        Err(JitterError::TooLarge { percent: 255 })
    );
    let written = r#"{"shorten_percent":0,"lengthen_percent":200}"#;
    assert!(serde_json::from_str::<Jitter>(written).is_err());
}

#[test]
fn jitter_is_total_and_shortens_only_when_it_is_told_to() {
    for wait_ms in EXTREMES {
        for percents in [(0, 0), (0, 20), (0, 100), (20, 20), (100, 0), (100, 100)] {
            let jitter = Jitter::around(percents.0, percents.1).unwrap();
            let waits = EXTREMES.map(|chance| jitter.apply(wait_ms, chance));
            assert!(waits.is_sorted(), "{jitter:?} {wait_ms}");
            assert!(percents.0 > 0 || waits[0] == wait_ms, "{jitter:?}");
        }
    }
}

#[test]
fn the_time_scale_divides() {
    assert_eq!(TimeScale::REAL.apply(2_000), 2_000);
    assert_eq!(TimeScale::faster_by(1_000).apply(2_000), 2);
    assert_eq!(TimeScale::faster_by(0).apply(2_000), 2_000);
}
