//! A registry, by HTTP.

use std::time::Duration;

use reqwest::{
    Client, Method, Url,
    header::{ACCEPT, CONTENT_TYPE},
    redirect::Policy,
};
use secrecy::ExposeSecret;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    Asked, Credentials, Found, Registered, RegistryError, Said, Standing, Subject, SubjectSchema, address,
    answer::{Answer, Came},
    plan::NONE,
};

const MEDIA_TYPE: &str = "application/vnd.schemaregistry.v1+json";
/// There is no such subject; any other code of what is missing is about a schema or a setting.
const NO_SUBJECT: i64 = 40401;

/// What one request may take.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Until there is a connection.
    pub connect: Duration,
    /// From the start of the request to the last byte of its answer.
    pub request: Duration,
    /// Longest answer that is read, in bytes.
    pub most_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { connect: Duration::from_secs(10), request: Duration::from_secs(30), most_bytes: 4 << 20 }
    }
}

/// A schema registry that speaks Confluent's API.
pub struct Registry {
    http: Client,
    base: Url,
    credentials: Option<Credentials>,
    most_bytes: usize,
}

#[derive(Deserialize)]
struct LookedUp {
    id: u64,
    version: u64,
}

#[derive(Deserialize)]
struct Taken {
    id: u64,
}

#[derive(Deserialize)]
struct Configuration {
    #[serde(rename = "compatibilityLevel")]
    level: String,
}

impl Registry {
    /// The registry at this address, whose path is kept. Nothing is asked yet.
    ///
    /// # Errors
    /// The address can't be used, or there is no HTTP client.
    pub fn at(url: &str, credentials: Option<Credentials>, limits: Limits) -> Result<Self, RegistryError> {
        let base = address::parse(url)?;
        // reqwest has no provider of its own. The first call in a process decides; a second one is fine.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = Client::builder()
            .connect_timeout(limits.connect)
            .timeout(limits.request)
            // A redirected POST would come as another request, elsewhere.
            .redirect(Policy::none())
            .build()
            .map_err(|error| RegistryError::Client { url: base.to_string(), problem: error.to_string() })?;
        Ok(Self { http, base, credentials, most_bytes: limits.most_bytes })
    }

    /// Its address.
    pub fn url(&self) -> &str {
        self.base.as_str().trim_end_matches('/')
    }

    /// Sees that it is a registry, and takes JSON Schema.
    ///
    /// # Errors
    /// It does not answer, is none, or takes other schemas only.
    pub async fn takes_json(&self) -> Result<(), RegistryError> {
        let types: Vec<String> = self.ask(Method::GET, &["schemas", "types"], None, None).await?.only()?;
        if types.iter().any(|name| name == "JSON") {
            return Ok(());
        }
        Err(RegistryError::NoJsonSchema { url: self.url().to_owned(), types })
    }

    /// What it has of a subject. Its compatibility is asked for on demand, and only where a schema is missing.
    ///
    /// # Errors
    /// It does not answer as a registry does.
    pub async fn standing(&self, subject: &Subject, with_compatibility: bool) -> Result<Standing, RegistryError> {
        let mut standing = Standing { is_there: true, ..Standing::default() };
        for schema in &subject.schemas {
            let (found, is_there) = self.look_up(&subject.name, schema).await?;
            standing.is_there &= is_there;
            standing.found.push(found);
        }
        if with_compatibility && standing.is_there && standing.found.contains(&Found::Missing) {
            standing.compatibility = self.compatibility(&subject.name).await?;
        }
        Ok(standing)
    }

    /// What it has of one schema, and whether the subject is there.
    async fn look_up(&self, subject: &str, schema: &SubjectSchema) -> Result<(Found, bool), RegistryError> {
        let answer = self.ask(Method::POST, &["subjects", subject], Some(&body(schema)), Some(schema)).await?;
        Ok(match answer.json()? {
            Came::Answer(LookedUp { id, version }) => (Found::There(Registered { version, id }), true),
            Came::Missing(said) => (Found::Missing, said.code != Some(NO_SUBJECT)),
            Came::Refused(said) => (Found::Refused(said), true),
        })
    }

    /// The compatibility of a subject; `None` where it has none of its own.
    async fn compatibility(&self, subject: &str) -> Result<Option<String>, RegistryError> {
        match self.ask(Method::GET, &["config", subject], None, None).await?.json()? {
            Came::Answer(Configuration { level }) => Ok(Some(level)),
            Came::Missing(_) | Came::Refused(_) => Ok(None),
        }
    }

    /// Sets the compatibility of one subject to `NONE`. It stays so.
    ///
    /// # Errors
    /// The registry does not do it.
    pub async fn lift_compatibility(&self, subject: &str, before: &SubjectSchema) -> Result<(), RegistryError> {
        let level = json!({ "compatibility": NONE });
        self.ask(Method::PUT, &["config", subject], Some(&level), Some(before)).await?.only::<Value>().map(drop)
    }

    /// Registers a schema in a subject: its id, and the version under which it can be found; or why the registry refuses it.
    /// A registry of several nodes may not find it yet.
    ///
    /// # Errors
    /// It does not answer as a registry does. Whether the schema was registered is not known then.
    pub async fn register(
        &self,
        subject: &str,
        schema: &SubjectSchema,
    ) -> Result<Result<(u64, Option<u64>), Said>, RegistryError> {
        let path = ["subjects", subject, "versions"];
        let answer = self.ask(Method::POST, &path, Some(&body(schema)), Some(schema)).await?;
        let asked = answer.asked().clone();
        let id = match answer.json()? {
            Came::Answer(Taken { id }) => id,
            Came::Refused(said) => return Ok(Err(said)),
            Came::Missing(said) => return Err(RegistryError::Failed { asked, said }),
        };
        let version = match self.look_up(subject, schema).await?.0 {
            Found::There(registered) => Some(registered.version),
            Found::Missing | Found::Refused(_) => None,
        };
        Ok(Ok((id, version)))
    }

    async fn ask(
        &self,
        method: Method,
        path: &[&str],
        body: Option<&Value>,
        about: Option<&SubjectSchema>,
    ) -> Result<Answer, RegistryError> {
        let url = address::below(&self.base, path);
        let asked = Asked::new(method.as_str(), url.as_str(), about.map(ToString::to_string));
        let mut request = self.http.request(method, url).header(ACCEPT, format!("{MEDIA_TYPE}, application/json"));
        if let Some(Credentials { user, password }) = &self.credentials {
            request = request.basic_auth(user.expose_secret(), Some(password.expose_secret()));
        }
        if let Some(body) = body {
            request = request.header(CONTENT_TYPE, MEDIA_TYPE).body(body.to_string());
        }
        match request.send().await {
            Ok(response) => Answer::read(asked, response, self.most_bytes).await,
            Err(error) => Err(RegistryError::unreachable(asked, &error)),
        }
    }
}

fn body(schema: &SubjectSchema) -> Value {
    json!({ "schemaType": "JSON", "schema": schema.schema })
}
