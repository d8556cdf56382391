//! Routes that describe themselves: what an operation takes and answers is read from the types of its handler.
//!
//! [`Routes::on`] puts a handler at a path and notes what its arguments and its answer say of themselves. So the description cannot
//! say anything else than what the code does; a handler whose types say nothing does not compile.

mod schemas;

pub(super) use self::schemas::{Schemas, checked};

use super::{App, Problem};
use crate::store::Permission;
use axum::{Json, Router, extract::State, handler::Handler, routing::MethodFilter};
use schemars::JsonSchema;
use serde_json::{Map, Value, json};
use std::{collections::BTreeMap, sync::Arc};

/// Routes and their description.
pub(super) struct Routes {
    router: Router<Arc<App>>,
    /// Before every path.
    prefix: &'static str,
    schemas: Schemas,
    operations: Vec<Operation>,
}

/// One method of one path.
#[derive(Debug, Default)]
pub(super) struct Operation {
    pub(super) method: &'static str,
    pub(super) path: String,
    /// Stable name, for generated clients.
    pub(super) id: &'static str,
    /// A sentence.
    pub(super) summary: &'static str,
    /// Whom it lets in; `None` for everybody.
    pub(super) needs: Option<Needs>,
    pub(super) parameters: Vec<Value>,
    /// The type that has all parameters after the question mark.
    pub(super) query: Option<String>,
    /// The request's body, if it has one.
    pub(super) body: Option<Value>,
    /// By status.
    pub(super) responses: BTreeMap<u16, Value>,
}

/// Whom an operation lets in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Needs {
    /// Whoever has a key.
    AnyKey,
    /// Whose key has a role that includes this.
    Role(Permission),
}

/// Methods, as routes and descriptions name them.
#[derive(Debug, Clone, Copy)]
pub(super) enum Verb {
    Get,
    Post,
    Put,
    Patch,
    Delete,
}

impl Verb {
    const fn name(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::Post => "post",
            Self::Put => "put",
            Self::Patch => "patch",
            Self::Delete => "delete",
        }
    }

    const fn filter(self) -> MethodFilter {
        match self {
            Self::Get => MethodFilter::GET,
            Self::Post => MethodFilter::POST,
            Self::Put => MethodFilter::PUT,
            Self::Patch => MethodFilter::PATCH,
            Self::Delete => MethodFilter::DELETE,
        }
    }
}

/// What an argument of a handler says of the request.
pub(super) trait Input {
    fn describe(operation: &mut Operation, schemas: &mut Schemas);
}

/// What the answer of a handler says of itself.
pub(super) trait Output {
    fn describe(operation: &mut Operation, schemas: &mut Schemas);
}

/// A handler whose arguments and answer describe themselves.
pub(super) trait Described<I, O> {
    fn describe(operation: &mut Operation, schemas: &mut Schemas);
}

macro_rules! handlers {
    ($(($($argument:ident),*))*) => {$(
        impl<F, Answering, Answer, $($argument),*> Described<($($argument,)*), Answer> for F
        where
            F: Fn($($argument),*) -> Answering,
            Answering: Future<Output = Answer>,
            Answer: Output,
            $($argument: Input,)*
        {
            fn describe(operation: &mut Operation, schemas: &mut Schemas) {
                $($argument::describe(operation, schemas);)*
                Answer::describe(operation, schemas);
            }
        }
    )*};
}

handlers! { () (A) (A, B) (A, B, C) (A, B, C, D) (A, B, C, D, E) }

impl Routes {
    /// None yet.
    pub(super) fn new(prefix: &'static str) -> Self {
        Self {
            router: Router::new(),
            prefix,
            schemas: Schemas::default(),
            operations: Vec::new(),
        }
    }

    /// Adds a route. `id` names it for ever; `summary` is a sentence.
    #[must_use]
    pub(super) fn on<H, T, I, O>(
        mut self,
        verb: Verb,
        path: &str,
        id: &'static str,
        summary: &'static str,
        handler: H,
    ) -> Self
    where
        H: Handler<T, Arc<App>> + Described<I, O>,
        T: 'static,
    {
        let mut operation = Operation {
            method: verb.name(),
            path: format!("{}{path}", self.prefix),
            id,
            summary,
            ..Operation::default()
        };
        H::describe(&mut operation, &mut self.schemas);
        self.operations.push(operation);
        let route = axum::routing::on(verb.filter(), handler);
        Self {
            router: self.router.route(path, route),
            ..self
        }
    }

    /// The routes, and what was noted of them.
    pub(super) fn finish(self) -> (Router<Arc<App>>, Vec<Operation>, Schemas) {
        (self.router, self.operations, self.schemas)
    }
}

impl Operation {
    /// An answer with a body.
    pub(super) fn answers(&mut self, status: u16, what: &str, media_type: &str, schema: Value) {
        let media = Map::from_iter([(media_type.to_owned(), json!({ "schema": schema }))]);
        let answer = json!({ "description": what, "content": media });
        self.responses.insert(status, answer);
    }

    /// An answer that says what went wrong.
    pub(super) fn refuses(&mut self, status: u16, what: &str, schemas: &mut Schemas) {
        let problem = schemas.answer::<countersign_api::Problem>();
        self.answers(status, what, "application/problem+json", problem);
    }
}

impl Input for State<Arc<App>> {
    fn describe(_: &mut Operation, _: &mut Schemas) {}
}

/// An answer of this status with a body.
macro_rules! answers {
    ($($(#[$doc:meta])* $name:ident = $status:literal, $what:literal, $code:ident;)*) => {$(
        $(#[$doc])*
        pub(super) struct $name<T>(pub(super) T);

        impl<T: serde::Serialize> axum::response::IntoResponse for $name<T> {
            fn into_response(self) -> axum::response::Response {
                (axum::http::StatusCode::$code, Json(self.0)).into_response()
            }
        }

        impl<T: JsonSchema> Output for $name<T> {
            fn describe(operation: &mut Operation, schemas: &mut Schemas) {
                let schema = schemas.answer::<T>();
                operation.answers($status, $what, "application/json", schema);
            }
        }
    )*};
}

answers! {
    /// What was asked for.
    Shown = 200, "What was asked for", OK;
    /// Something was made.
    Created = 201, "It was made", CREATED;
    /// It is on the disk, and goes on from there.
    Accepted = 202, "It is on the disk, and goes on from there", ACCEPTED;
}

/// It was done, and there is nothing to tell.
pub(super) struct Done;

impl axum::response::IntoResponse for Done {
    fn into_response(self) -> axum::response::Response {
        axum::http::StatusCode::NO_CONTENT.into_response()
    }
}

impl Output for Done {
    fn describe(operation: &mut Operation, _: &mut Schemas) {
        let answer = json!({ "description": "It was done" });
        operation.responses.insert(204, answer);
    }
}

impl<T: Output> Output for Result<T, Problem> {
    fn describe(operation: &mut Operation, schemas: &mut Schemas) {
        T::describe(operation, schemas);
        operation.refuses(
            503,
            "The server cannot do it now; see `Retry-After`",
            schemas,
        );
    }
}

/// An answer that a conflict with what is there can take the place of: 409.
pub(super) struct Contested<T>(pub(super) T);

impl<T: axum::response::IntoResponse> axum::response::IntoResponse for Contested<T> {
    fn into_response(self) -> axum::response::Response {
        self.0.into_response()
    }
}

impl<T: Output> Output for Contested<T> {
    fn describe(operation: &mut Operation, schemas: &mut Schemas) {
        T::describe(operation, schemas);
        operation.refuses(409, "It does not go together with what is there", schemas);
    }
}

/// One of two answers.
pub(super) enum Either<A, B> {
    One(A),
    Other(B),
}

impl<A, B> axum::response::IntoResponse for Either<A, B>
where
    A: axum::response::IntoResponse,
    B: axum::response::IntoResponse,
{
    fn into_response(self) -> axum::response::Response {
        match self {
            Self::One(answer) => answer.into_response(),
            Self::Other(answer) => answer.into_response(),
        }
    }
}

impl<A: Output, B: Output> Output for Either<A, B> {
    fn describe(operation: &mut Operation, schemas: &mut Schemas) {
        A::describe(operation, schemas);
        B::describe(operation, schemas);
    }
}
