//! One attempt at a query or a transaction over one connection.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::Poll;

use eventhub_bindings::postgres::{Conflict, Error, Expectation, Isolation, Rows, Statement};
use eventhub_pg::session;
use futures::{StreamExt, pin_mut};
use tokio_postgres::error::Severity;

use crate::decode::{self, Form};
use crate::encode::{Wire, fit};
use crate::failure::{Failure, whole};
use crate::pool::Lease;

/// A statement that the server has prepared and whose parameters fit.
struct Ready<'a> {
    prepared: tokio_postgres::Statement,
    params: Vec<Wire<'a>>,
    forms: Vec<Form>,
    columns: Vec<String>,
}

/// One statement as its own transaction.
pub async fn query(lease: Lease, statement: &Statement) -> Result<Rows, Failure> {
    if statement.expect != Expectation::Any {
        // Refusing a row count means rolling back.
        let statements = std::slice::from_ref(statement);
        let mut results = transaction(lease, statements, Isolation::ReadCommitted).await?;
        return results
            .pop()
            .ok_or_else(|| Error::Invalid("no statement".to_owned()).into());
    }
    let ready = match prepare(&lease, statement, 0).await {
        Ok(ready) => ready,
        Err(failure) => return Err(after(lease, failure)),
    };
    let result = run(&lease, &ready).await;
    match result {
        Ok(rows) => {
            lease.clean();
            Ok(rows)
        }
        Err(Broken::Server(error)) => Err(after(lease, Failure::of_statement(&error, 0, true))),
        // The statement has taken effect, but its result cannot be represented. It can no longer be
        // rolled back.
        Err(Broken::Value(why)) => {
            // The rows left unread are skipped by the driver.
            lease.clean();
            Err(Error::Invalid(why).into())
        }
    }
}

/// All statements in one transaction.
pub async fn transaction(
    lease: Lease,
    statements: &[Statement],
    isolation: Isolation,
) -> Result<Vec<Rows>, Failure> {
    let mut all = Vec::with_capacity(statements.len());
    for (index, statement) in (0..).zip(statements) {
        match prepare(&lease, statement, index).await {
            Ok(ready) => all.push(ready),
            Err(failure) => return Err(after(lease, failure)),
        }
    }
    // With nothing to check in between, COMMIT is sent along: after a failed statement it only
    // rolls back.
    let at_once = statements
        .iter()
        .all(|statement| statement.expect == Expectation::Any);

    let (outcome, ended) = {
        let begin = sent(lease.batch_execute(begin(isolation))).await;
        let mut pipeline = Vec::with_capacity(all.len());
        for ready in &all {
            pipeline.push(sent(run(&lease, ready)).await);
        }
        let commit = if at_once {
            Some(sent(lease.batch_execute("COMMIT")).await)
        } else {
            None
        };

        let answers = answers(begin, pipeline, statements, at_once).await;
        let end = if answers.is_ok() {
            "COMMIT"
        } else {
            "ROLLBACK"
        };
        let ended = match (commit, &answers) {
            (Some(commit), _) => commit.answer().await,
            (None, Err(Failure::Lost { .. })) => Ok(()),
            (None, _) => lease.batch_execute(end).await,
        };
        (answers, ended)
    };
    match (outcome, ended) {
        (Ok(results), Ok(())) => {
            lease.clean();
            Ok(results)
        }
        (Ok(_), Err(error)) => {
            let last = u32::try_from(statements.len().saturating_sub(1)).unwrap_or(u32::MAX);
            Err(after(lease, Failure::of_commit(&error, last)))
        }
        (Err(failure), Ok(())) => Err(after(lease, failure)),
        // The transaction is not committed, so the first failure counts; only the connection is
        // suspect.
        (Err(failure), Err(error)) => {
            tracing::debug!(
                error = whole(&error),
                "could not roll back; the connection is closed"
            );
            drop(lease);
            Err(failure)
        }
    }
}

/// The answers in order, up to the first failure: later answers only say that the transaction is
/// aborted.
async fn answers<'a>(
    begin: Sent<'a, Result<(), tokio_postgres::Error>>,
    pipeline: Vec<Sent<'a, Result<Rows, Broken>>>,
    statements: &[Statement],
    commit_sent: bool,
) -> Result<Vec<Rows>, Failure> {
    if let Err(error) = begin.answer().await {
        // On a connection that survived the error, each statement ran as its own transaction.
        let survived = error.as_db_error().is_some_and(|said| {
            !matches!(
                said.parsed_severity(),
                Some(Severity::Fatal | Severity::Panic)
            )
        });
        let text = format!("could not begin a transaction: {}", whole(&error));
        return Err(Failure::Lost {
            text,
            may_have_happened: survived || commit_sent,
        });
    }
    let mut results = Vec::with_capacity(pipeline.len());
    for ((index, statement), sent) in (0..).zip(statements).zip(pipeline) {
        let rows = sent.answer().await.map_err(|broken| match broken {
            Broken::Server(error) => Failure::of_statement(&error, index, commit_sent),
            // With COMMIT already sent, the effect stands and only the result is missing.
            Broken::Value(why) => Error::Invalid(format!("statement {index}: {why}")).into(),
        })?;
        if !statement.expect.is_met(rows.affected) {
            return Err(Error::Conflict(Conflict {
                statement: index,
                affected: rows.affected,
            })
            .into());
        }
        results.push(rows);
    }
    Ok(results)
}

/// Gives the connection back, unless the failure made it unusable.
fn after(lease: Lease, failure: Failure) -> Failure {
    match &failure {
        Failure::Lost { .. } => drop(lease),
        _ => lease.clean(),
    }
    failure
}

fn begin(isolation: Isolation) -> &'static str {
    match isolation {
        Isolation::ReadCommitted => "BEGIN ISOLATION LEVEL READ COMMITTED",
        Isolation::RepeatableRead => "BEGIN ISOLATION LEVEL REPEATABLE READ",
        Isolation::Serializable => "BEGIN ISOLATION LEVEL SERIALIZABLE",
    }
}

async fn prepare<'a>(
    lease: &Lease,
    statement: &'a Statement,
    index: u32,
) -> Result<Ready<'a>, Failure> {
    let invalid = |why: String| Failure::Final(Error::Invalid(format!("statement {index}: {why}")));
    if let Some(word) = session::control(&statement.text) {
        return Err(invalid(format!(
            "{word} is not for components: the host begins, ends and shares"
        )));
    }
    let prepared = lease
        .prepare_cached(&statement.text)
        .await
        .map_err(|error| Failure::of_statement(&error, index, false))?;
    let types = prepared.params();
    if types.len() != statement.params.len() {
        let (has, given) = (types.len(), statement.params.len());
        return Err(invalid(format!(
            "it has {has} parameters, {given} were given"
        )));
    }
    let mut params = Vec::with_capacity(types.len());
    for (number, (value, ty)) in (1..).zip(statement.params.iter().zip(types)) {
        params.push(fit(value, ty).map_err(|why| invalid(format!("parameter ${number} {why}")))?);
    }
    let mut forms = Vec::with_capacity(prepared.columns().len());
    let mut columns = Vec::with_capacity(prepared.columns().len());
    for column in prepared.columns() {
        let (name, ty) = (column.name(), column.type_());
        forms.push(decode::form(ty).ok_or_else(|| {
            invalid(format!(
                "column {name} has the type {}: cast it, to text for example",
                ty.name()
            ))
        })?);
        columns.push(name.to_owned());
    }
    Ok(Ready {
        prepared,
        params,
        forms,
        columns,
    })
}

/// Why a statement returned no rows.
enum Broken {
    Server(tokio_postgres::Error),
    Value(String),
}

async fn run(lease: &Lease, ready: &Ready<'_>) -> Result<Rows, Broken> {
    let stream = lease
        .query_raw(&ready.prepared, &ready.params)
        .await
        .map_err(Broken::Server)?;
    pin_mut!(stream);
    let mut rows = Vec::new();
    while let Some(row) = stream.next().await {
        let row = row.map_err(Broken::Server)?;
        rows.push(decode::row(&row, &ready.forms).map_err(Broken::Value)?);
    }
    let affected = stream.rows_affected().unwrap_or(rows.len() as u64);
    Ok(Rows {
        columns: ready.columns.clone(),
        rows,
        affected,
    })
}

/// Sends a request now, to keep the order: the driver sends when a future is first polled.
enum Sent<'a, T> {
    Waiting(Pin<Box<dyn Future<Output = T> + Send + 'a>>),
    Answered(T),
}

impl<T> Sent<'_, T> {
    async fn answer(self) -> T {
        match self {
            Self::Waiting(future) => future.await,
            Self::Answered(answer) => answer,
        }
    }
}

async fn sent<'a, T>(future: impl Future<Output = T> + Send + 'a) -> Sent<'a, T> {
    let mut future: Pin<Box<dyn Future<Output = T> + Send + 'a>> = Box::pin(future);
    match poll_fn(|context| Poll::Ready(future.as_mut().poll(context))).await {
        Poll::Ready(answer) => Sent::Answered(answer),
        Poll::Pending => Sent::Waiting(future),
    }
}
