//! librdkafka's admin calls about ACLs and SCRAM users, which its Rust wrapper does not offer
//! (https://docs.confluent.io/platform/current/clients/librdkafka/html/rdkafka_8h.html).
//!
//! Each call blocks until its answer is there or the client's `socket.timeout.ms` has passed.
#![allow(unsafe_code)]

use std::{
    collections::BTreeSet,
    ffi::{CStr, CString, c_char},
    ptr,
};

use choreography_kafka::Connection;
use rdkafka::bindings::{
    self as ffi, rd_kafka_AclOperation_t as AclOperation, rd_kafka_ResourceType_t as ResourceType, *,
};
use secrecy::{ExposeSecret, SecretString};

use super::{Acl, Client, Operation, Resource, refused};
use crate::{ProvisionError, Result};

const ANY_HOST: &CStr = c"*";
/// librdkafka answers by itself sooner, with an error.
const PATIENCE_MS: i32 = 90_000;
/// As many as Kafka's own tools take (KIP-84).
const SCRAM_ITERATIONS: i32 = 8_192;

/// A client's admin calls.
pub(super) struct Admin<'a> {
    client: &'a Client,
    kafka: &'a Connection,
}

type Handle = *mut rd_kafka_t;
type Queue = *mut rd_kafka_queue_t;
type Answer = *mut rd_kafka_event_t;

impl<'a> Admin<'a> {
    pub fn new(client: &'a Client, kafka: &'a Connection) -> Self {
        Self { client, kafka }
    }

    /// What a user may do with topics and groups.
    pub fn access_of(&self, user: &str) -> Result<BTreeSet<Acl>> {
        let mut found = BTreeSet::new();
        for resource in [ResourceType::RD_KAFKA_RESOURCE_TOPIC, ResourceType::RD_KAFKA_RESOURCE_GROUP] {
            let filter = self.binding(user, resource, None, None)?;
            self.call(
                "listing ACLs",
                // SAFETY: all three live until the answer has come.
                |handle, queue| unsafe { ffi::rd_kafka_DescribeAcls(handle, filter.0, ptr::null(), queue) },
                |answer| {
                    let bindings =
                        listed(answer, ffi::rd_kafka_event_DescribeAcls_result, ffi::rd_kafka_DescribeAcls_result_acls);
                    found.extend(bindings.iter().filter_map(|binding| read(*binding, user)));
                    Ok(())
                },
            )?;
        }
        Ok(found)
    }

    /// Lets users do more.
    pub fn grant(&self, acls: &[Acl]) -> Result<()> {
        let bindings = self.bindings(acls)?;
        let mut pointers: Vec<_> = bindings.iter().map(|binding| binding.0).collect();
        if pointers.is_empty() {
            return Ok(());
        }
        self.call(
            "granting access",
            // SAFETY: the bindings live until the answer has come.
            |handle, queue| unsafe {
                ffi::rd_kafka_CreateAcls(handle, pointers.as_mut_ptr(), pointers.len(), ptr::null(), queue);
            },
            |answer| {
                let results =
                    listed(answer, ffi::rd_kafka_event_CreateAcls_result, ffi::rd_kafka_CreateAcls_result_acls);
                self.each_went_well(results, ffi::rd_kafka_acl_result_error)
            },
        )
    }

    /// Lets users do less.
    pub fn revoke(&self, acls: &[Acl]) -> Result<()> {
        let bindings = self.bindings(acls)?;
        let mut pointers: Vec<_> = bindings.iter().map(|binding| binding.0).collect();
        if pointers.is_empty() {
            return Ok(());
        }
        self.call(
            "taking access away",
            // SAFETY: the bindings live until the answer has come.
            |handle, queue| unsafe {
                ffi::rd_kafka_DeleteAcls(handle, pointers.as_mut_ptr(), pointers.len(), ptr::null(), queue);
            },
            |answer| {
                let results =
                    listed(answer, ffi::rd_kafka_event_DeleteAcls_result, ffi::rd_kafka_DeleteAcls_result_responses);
                self.each_went_well(results, ffi::rd_kafka_DeleteAcls_result_response_error)
            },
        )
    }

    /// Makes users, or changes their passwords.
    pub fn set_passwords(&self, users: &[(String, SecretString)]) -> Result<()> {
        let users: Vec<User> = users.iter().map(|(user, password)| self.user(user, password)).collect::<Result<_>>()?;
        let mut pointers: Vec<_> = users.iter().map(|user| user.0).collect();
        self.call(
            "setting passwords",
            // SAFETY: the users live until the answer has come.
            |handle, queue| unsafe {
                let (list, count) = (pointers.as_mut_ptr(), pointers.len());
                ffi::rd_kafka_AlterUserScramCredentials(handle, list, count, ptr::null(), queue);
            },
            |answer| {
                let results = listed(
                    answer,
                    ffi::rd_kafka_event_AlterUserScramCredentials_result,
                    ffi::rd_kafka_AlterUserScramCredentials_result_responses,
                );
                self.each_went_well(results, ffi::rd_kafka_AlterUserScramCredentials_result_response_error)
            },
        )
    }

    /// Submits, waits for the answer, and reads it.
    fn call(
        &self,
        what: &str,
        submit: impl FnOnce(Handle, Queue),
        read: impl FnOnce(Answer) -> Result<()>,
    ) -> Result<()> {
        let handle = self.client.inner().native_ptr();
        // SAFETY: the client outlives the queue, and the queue its answer.
        unsafe {
            let queue = ffi::rd_kafka_queue_new(handle);
            submit(handle, queue);
            let answer = ffi::rd_kafka_queue_poll(queue, PATIENCE_MS);
            let done = if answer.is_null() {
                Err(refused(self.kafka, what, &format!("no answer within {PATIENCE_MS} ms")))
            } else if ffi::rd_kafka_event_error(answer) == rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR {
                read(answer)
            } else {
                Err(refused(self.kafka, what, &text(ffi::rd_kafka_event_error_string(answer))))
            };
            if !answer.is_null() {
                ffi::rd_kafka_event_destroy(answer);
            }
            ffi::rd_kafka_queue_destroy(queue);
            done
        }
    }

    fn each_went_well<T>(
        &self,
        results: &[*const T],
        error_of: unsafe extern "C" fn(*const T) -> *const rd_kafka_error_t,
    ) -> Result<()> {
        for result in results {
            // SAFETY: the result belongs to an answer that is still there, and its error to it; null is no error.
            let (code, said) = unsafe {
                let error = error_of(*result);
                (ffi::rd_kafka_error_code(error), ffi::rd_kafka_error_string(error))
            };
            if code != rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR {
                return Err(refused(self.kafka, "changing users and their access", &text(said)));
            }
        }
        Ok(())
    }

    fn bindings(&self, acls: &[Acl]) -> Result<Vec<Binding>> {
        acls.iter()
            .map(|acl| {
                let (kind, name) = match &acl.resource {
                    Resource::Topic(name) => (ResourceType::RD_KAFKA_RESOURCE_TOPIC, name),
                    Resource::Group(name) => (ResourceType::RD_KAFKA_RESOURCE_GROUP, name),
                };
                self.binding(&acl.user, kind, Some(name), Some(acl.operation))
            })
            .collect()
    }

    /// A rule; what is `None` in it is a filter's "any".
    fn binding(
        &self,
        user: &str,
        kind: ResourceType,
        name: Option<&str>,
        operation: Option<Operation>,
    ) -> Result<Binding> {
        let principal = self.c_string(&format!("User:{user}"))?;
        let name = name.map(|name| self.c_string(name)).transpose()?;
        let pattern = rd_kafka_ResourcePatternType_t::RD_KAFKA_RESOURCE_PATTERN_LITERAL;
        let allow = rd_kafka_AclPermissionType_t::RD_KAFKA_ACL_PERMISSION_TYPE_ALLOW;
        let mut problem = [0 as c_char; 256];
        let (problem_at, problem_len) = (problem.as_mut_ptr(), problem.len());
        // SAFETY: librdkafka copies the strings, and the buffer for the problem is as long as is said.
        let made = unsafe {
            match (&name, operation) {
                (Some(name), Some(operation)) => {
                    let (name, host) = (name.as_ptr(), ANY_HOST.as_ptr());
                    let operation = native(operation);
                    ffi::rd_kafka_AclBinding_new(
                        kind,
                        name,
                        pattern,
                        principal.as_ptr(),
                        host,
                        operation,
                        allow,
                        problem_at,
                        problem_len,
                    )
                }
                (_, _) => {
                    let any = AclOperation::RD_KAFKA_ACL_OPERATION_ANY;
                    ffi::rd_kafka_AclBindingFilter_new(
                        kind,
                        ptr::null(),
                        pattern,
                        principal.as_ptr(),
                        ptr::null(),
                        any,
                        allow,
                        problem_at,
                        problem_len,
                    )
                }
            }
        };
        if made.is_null() {
            Err(refused(self.kafka, "describing access", &text(problem_at)))
        } else {
            Ok(Binding(made))
        }
    }

    fn user(&self, name: &str, password: &SecretString) -> Result<User> {
        let name = self.c_string(name)?;
        let mechanism = rd_kafka_ScramMechanism_t::RD_KAFKA_SCRAM_MECHANISM_SHA_512;
        let password = password.expose_secret().as_bytes();
        // SAFETY: librdkafka copies name and password, and makes a salt where none is given.
        let made = unsafe {
            ffi::rd_kafka_UserScramCredentialUpsertion_new(
                name.as_ptr(),
                mechanism,
                SCRAM_ITERATIONS,
                password.as_ptr(),
                password.len(),
                ptr::null(),
                0,
            )
        };
        if made.is_null() {
            Err(refused(self.kafka, "describing a user", &"refused by librdkafka"))
        } else {
            Ok(User(made))
        }
    }

    fn c_string(&self, text: &str) -> Result<CString> {
        CString::new(text)
            .map_err(|error: std::ffi::NulError| -> ProvisionError { refused(self.kafka, "naming", &error) })
    }
}

struct Binding(*mut rd_kafka_AclBinding_t);

impl Drop for Binding {
    fn drop(&mut self) {
        // SAFETY: it is ours alone.
        unsafe { ffi::rd_kafka_AclBinding_destroy(self.0) };
    }
}

struct User(*mut rd_kafka_UserScramCredentialAlteration_t);

impl Drop for User {
    fn drop(&mut self) {
        // SAFETY: it is ours alone.
        unsafe { ffi::rd_kafka_UserScramCredentialAlteration_destroy(self.0) };
    }
}

fn native(operation: Operation) -> AclOperation {
    match operation {
        Operation::Read => AclOperation::RD_KAFKA_ACL_OPERATION_READ,
        Operation::Write => AclOperation::RD_KAFKA_ACL_OPERATION_WRITE,
        Operation::DescribeConfigs => AclOperation::RD_KAFKA_ACL_OPERATION_DESCRIBE_CONFIGS,
    }
}

/// A rule about a topic or a group; `None` for what is never granted here.
fn read(binding: *const rd_kafka_AclBinding_t, user: &str) -> Option<Acl> {
    // SAFETY: the binding belongs to an answer that is still there.
    let (name, kind, operation) = unsafe {
        let name = text(ffi::rd_kafka_AclBinding_name(binding));
        (name, ffi::rd_kafka_AclBinding_restype(binding), ffi::rd_kafka_AclBinding_operation(binding))
    };
    let resource = match kind {
        ResourceType::RD_KAFKA_RESOURCE_TOPIC => Resource::Topic(name),
        ResourceType::RD_KAFKA_RESOURCE_GROUP => Resource::Group(name),
        _ => return None,
    };
    let operations = [Operation::Read, Operation::Write, Operation::DescribeConfigs];
    let operation = operations.into_iter().find(|known| native(*known) == operation)?;
    Some(Acl { user: user.to_owned(), resource, operation })
}

/// What an answer lists, by librdkafka's functions for its kind: its result, and that result's elements.
fn listed<'a, R, T>(
    answer: Answer,
    result_of: unsafe extern "C" fn(Answer) -> *const R,
    elements_of: unsafe extern "C" fn(*const R, *mut usize) -> *mut *const T,
) -> &'a [*const T] {
    let mut count = 0;
    // SAFETY: the list belongs to the answer, which is there as long as `call` reads it, and has `count` elements.
    unsafe {
        let list = elements_of(result_of(answer), &mut count);
        if list.is_null() { &[] } else { std::slice::from_raw_parts(list, count) }
    }
}

fn text(chars: *const c_char) -> String {
    if chars.is_null() {
        return String::new();
    }
    // SAFETY: librdkafka's strings end with a zero.
    unsafe { CStr::from_ptr(chars) }.to_string_lossy().into_owned()
}
