//! The link to any interface of another component. It passes values through without knowing their
//! types. Do not use it for long lists of numbers: each number becomes a dynamic value.

use std::sync::Arc;

use eventhub_link::Link;
use wasmtime::StoreContextMut;
use wasmtime::component::types::{ComponentFunc, Type};
use wasmtime::component::{Linker, Val};

use crate::loaded::Interface;
use crate::pool::Pool;
use crate::state::State;
use crate::{CallContext, CallError};

/// Caller and callee disagree about an interface.
#[derive(Debug)]
pub(crate) enum Mismatch {
    /// The caller imports this function, and the callee does not export it.
    Missing(String),
    /// The types of this function differ.
    Types(String),
}

/// Defines all functions of `import` for the caller whose linker this is.
pub(crate) fn link(
    linker: &mut Linker<State>,
    import: &Interface,
    export: &Interface,
    callee: &Arc<Pool>,
    link: &Arc<Link>,
) -> wasmtime::Result<Result<(), Mismatch>> {
    let mut instance = linker.instance(import.name.full())?;
    for function in &import.functions {
        let Some(exported) = export
            .functions
            .iter()
            .find(|exported| exported.name == function.name)
        else {
            return Ok(Err(Mismatch::Missing(function.name.clone())));
        };
        if !same_types(&function.ty, &exported.ty) {
            return Ok(Err(Mismatch::Types(function.name.clone())));
        }
        let (callee, link, index) = (callee.clone(), link.clone(), exported.index);
        let has_unavailable = has_unavailable(&function.ty);
        instance.func_new_async(
            &function.name,
            move |store: StoreContextMut<'_, State>, _, params: &[Val], results: &mut [Val]| {
                let (callee, link) = (callee.clone(), link.clone());
                Box::new(async move {
                    call_export(
                        store,
                        &callee,
                        &link,
                        index,
                        has_unavailable,
                        params,
                        results,
                    )
                    .await
                })
            },
        )?;
    }
    Ok(Ok(()))
}

async fn call_export(
    mut store: StoreContextMut<'_, State>,
    callee: &Pool,
    link: &Link,
    function: usize,
    has_unavailable: bool,
    params: &[Val],
    results: &mut [Val],
) -> wasmtime::Result<()> {
    let current = &store.data().call;
    let (request_id, traceparent) = (current.request_id.clone(), current.traceparent.clone());
    let context = CallContext {
        request_id: &request_id,
        traceparent: &traceparent,
        deadline: Some(current.deadline),
    };
    let failed = |result: &Result<(), CallError>| result.as_ref().is_err_and(CallError::is_failure);
    let answer = link
        .call(failed, callee.call(function, params, results, context))
        .await;
    store.set_epoch_deadline(1);
    // Both kinds of errors are logged elsewhere. The caller learns only that it got no answer.
    let cause = match answer {
        Ok(Ok(())) => return Ok(()),
        Ok(Err(error)) => error.to_string(),
        Err(error) => {
            super::report_link_error(&error, &request_id, &traceparent);
            error.to_string()
        }
    };
    match results {
        [result] if has_unavailable => {
            let text = Box::new(Val::String(cause));
            let error = Val::Variant("unavailable".into(), Some(text));
            *result = Val::Result(Err(Some(Box::new(error))));
            Ok(())
        }
        _ => Err(wasmtime::Error::msg(cause)),
    }
}

/// Whether the error of the function's result is a variant with the case `unavailable(string)`.
fn has_unavailable(function: &ComponentFunc) -> bool {
    let Some(Type::Result(result)) = function.results().next() else {
        return false;
    };
    let Some(Type::Variant(error)) = result.err() else {
        return false;
    };
    error
        .cases()
        .any(|case| case.name == "unavailable" && case.ty == Some(Type::String))
}

fn same_types(one: &ComponentFunc, other: &ComponentFunc) -> bool {
    one.params()
        .map(|(_, ty)| ty)
        .eq(other.params().map(|(_, ty)| ty))
        && one.results().eq(other.results())
}
