//! How the database goes about what is asked of it: through the index that is there for it, and without sorting what it has to
//! look at first.

use super::{bodies, failed_events, lists, selection, stats};
use crate::{
    ids::WorkspaceId,
    store::{EndedState, Page, Selection, suite},
};
use countersign_cluster::Database;

/// Some thousand deliveries, of two workspaces and fifty endpoints; a few in each state, and the others delivered.
const FILL: &str = "INSERT INTO messages (id, workspace, provider, event_type, created_at_ms)
        SELECT 'msg_' || lpad(CAST(n AS TEXT), 26, '0'), CASE WHEN n % 10 = 0 THEN 'acme' ELSE 'default' END, 'cleanmails', 'a', n
        FROM generate_series(1, 20000) AS n;
    INSERT INTO bodies (message_id, body) SELECT id, 'x' FROM messages;
    INSERT INTO deliveries (id, message_id, endpoint_id, state, created_at_ms, updated_at_ms, attempts_total, attempts_in_round,
                            acknowledged_at_ms, next_attempt_at_ms, event_id)
        SELECT 'dlv_' || substr(id, 5), id, 'ep_' || created_at_ms % 53,
            CASE created_at_ms % 200 WHEN 1 THEN 'pending' WHEN 2 THEN 'sending' WHEN 3 THEN 'held' WHEN 4 THEN 'waiting'
                WHEN 5 THEN 'dead_lettered' WHEN 6 THEN 'dead_lettered' ELSE 'delivered' END,
            created_at_ms, created_at_ms, 1, 1, CASE WHEN created_at_ms % 2 = 0 THEN 1 END, created_at_ms,
            CASE WHEN created_at_ms % 200 IN (5, 6) THEN 'evt_' || created_at_ms END
        FROM messages;
    ANALYZE";

/// Statements that are prepared once have a plan for whatever they are given. The tables are small, so the database is told not
/// to read them as a whole.
fn plan(database: &Database, sql: &str) -> String {
    let places = (1..).take_while(|place| sql.contains(&format!("${place}")));
    let nulls = vec!["NULL"; places.count()].join(", ");
    let given = match nulls.is_empty() {
        true => String::new(),
        false => format!("({nulls})"),
    };
    let explained = format!(
        "SET enable_seqscan = off; SET enable_bitmapscan = off; SET plan_cache_mode = force_generic_plan;
         PREPARE asked AS {sql}; EXPLAIN EXECUTE asked{given}"
    );
    let lines = database.query(&explained).unwrap();
    let lines: Vec<_> = lines.into_iter().flatten().collect();
    lines.join("\n")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reads_go_through_their_index_and_sort_nothing() {
    let Some(database) = countersign_cluster::database() else {
        return;
    };
    let _store = suite::postgres::open(&database).await;
    database.run(FILL).unwrap();
    let selection = |state, acknowledged| {
        let selection = Selection {
            acknowledged,
            ..Selection::all(WorkspaceId::default(), state)
        };
        let page = Page {
            after: None,
            newest_first: true,
            limit: 1,
        };
        selection::search(&selection, &page, 1, 2)
    };
    for (sql, index) in [
        (
            selection(EndedState::DeadLettered, Some(false)),
            "deliveries_dead_unseen",
        ),
        (selection(EndedState::DeadLettered, None), "deliveries_dead"),
        (selection(EndedState::Delivered, None), "deliveries_pkey"),
        (
            failed_events::FAILED_EVENTS.to_owned(),
            "deliveries_failed_unseen",
        ),
        (
            failed_events::FAILED_DELIVERIES.to_owned(),
            "deliveries_failed_event",
        ),
        (lists::PAGE_DEFAULT.to_owned(), "deliveries_pkey"),
        (lists::PAGE_OTHER.to_owned(), "messages_by_workspace"),
        (lists::MESSAGES_OTHER.to_owned(), "messages_by_workspace"),
        (bodies::DEFAULT.to_owned(), "messages_pkey"),
        (bodies::OTHER.to_owned(), "messages_by_workspace"),
    ] {
        let plan = plan(&database, &sql);
        assert!(plan.contains(index), "{sql}\n{plan}");
        assert!(!plan.contains("Seq Scan"), "{sql}\n{plan}");
        // Within a message its few deliveries may be, and those of one event.
        let sorted = plan.contains("Sort") && !plan.contains("Incremental Sort");
        let sorted = sorted && index != "deliveries_failed_event";
        assert!(!sorted, "{sql}\n{plan}");
    }
    for sql in [stats::COUNTED, stats::OPEN] {
        let plan = plan(&database, sql);
        for index in [
            "deliveries_due",
            "deliveries_sending",
            "deliveries_held",
            "deliveries_waiting",
        ] {
            assert!(plan.contains(index), "{sql}\n{plan}");
        }
        assert!(!plan.contains("Seq Scan"), "{sql}\n{plan}");
    }
}
