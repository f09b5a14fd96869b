//! Every pair of service and topic, with the service's own credentials.

use std::time::{Duration, Instant};

use choreography_kafka::Connection;
use provision::choreography::{PARTS, Part, TopicSpec, topics};
use provision::kafka::{Acl, Operation, Resource, access_of, create_topics, set_access};
use rdkafka::admin::{AdminClient, AdminOptions, AlterConfig, NewPartitions, ResourceSpecifier, TopicResult};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{FutureProducer, FutureRecord};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};

use crate::world::{World, test};

const PATIENCE: Duration = Duration::from_secs(60);
/// A client that is not let in hears nothing, however long it waits.
const METADATA: Duration = Duration::from_secs(15);

/// As a service, with its own password.
fn connection(world: &World, user: &str) -> Connection {
    let own = world.system.secrets().expect("a secured system").join(user);
    let password = std::fs::read_to_string(own.join("kafka-password")).expect("a password");
    with(world, user, &password)
}

fn with(world: &World, user: &str, password: &str) -> Connection {
    let ca = world.system.secrets().expect("a secured system").join("kafka-setup/ca.pem");
    Connection::plain(world.system.broker.bootstrap())
        .with("security.protocol", "sasl_ssl")
        .with("ssl.ca.location", ca.display().to_string())
        .with("sasl.mechanism", "SCRAM-SHA-512")
        .with("sasl.username", user)
        .with_password(password.into())
}

fn may(part: &Part, resource: Resource, operation: Operation) -> bool {
    access_of(part).contains(&Acl { user: part.service.clone(), resource, operation })
}

/// What the broker says to a message.
async fn write(kafka: &Connection, topic: &str) -> Result<(), String> {
    let producer: FutureProducer =
        kafka.config().set("message.timeout.ms", "60000").create().map_err(|error| error.to_string())?;
    let sent = producer.send(FutureRecord::<str, str>::to(topic).key("x").payload("x"), PATIENCE).await;
    sent.map(drop).map_err(|(error, _)| code(&error))
}

/// What the broker says to a user who would read. The group is one that they may name; no member joins it.
async fn read(kafka: &Connection, user: &str, topic: &str) -> Result<(), String> {
    let (mut config, group, topic) = (kafka.config(), user.to_owned(), topic.to_owned());
    tokio::task::spawn_blocking(move || {
        let consumer: BaseConsumer = in_group(&mut config, &group).create().map_err(|error| error.to_string())?;
        // librdkafka only waits on for partitions that it is not even told of.
        let metadata = consumer.fetch_metadata(Some(&topic), METADATA).map_err(|error| code(&error))?;
        if let Some(error) = metadata.topics().iter().find_map(|topic| topic.error()) {
            return Err(format!("{:?}", RDKafkaErrorCode::from(error)));
        }
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(&topic, 0, Offset::Beginning).map_err(|error| error.to_string())?;
        consumer.assign(&list).map_err(|error| error.to_string())?;
        polled(&consumer)
    })
    .await
    .map_err(|error| error.to_string())?
}

/// What the broker says to a user who would join a group.
async fn join(kafka: &Connection, group: &str, topic: &str) -> Result<(), String> {
    let (mut config, group, topic) = (kafka.config(), group.to_owned(), topic.to_owned());
    tokio::task::spawn_blocking(move || {
        let consumer: BaseConsumer = in_group(&mut config, &group).create().map_err(|error| error.to_string())?;
        consumer.subscribe(&[&topic]).map_err(|error| error.to_string())?;
        polled(&consumer)
    })
    .await
    .map_err(|error| error.to_string())?
}

fn in_group<'a>(config: &'a mut ClientConfig, group: &str) -> &'a mut ClientConfig {
    config.set("group.id", group).set("enable.auto.commit", "false").set("enable.partition.eof", "true")
}

fn polled(consumer: &BaseConsumer) -> Result<(), String> {
    let since = Instant::now();
    while since.elapsed() < PATIENCE {
        match consumer.poll(Duration::from_millis(200)) {
            None => {}
            Some(Ok(_)) | Some(Err(KafkaError::PartitionEOF(_))) => return Ok(()),
            Some(Err(error)) => return Err(code(&error)),
        }
    }
    Err(format!("neither a message nor an error within {PATIENCE:?}"))
}

fn code(error: &KafkaError) -> String {
    error.rdkafka_error_code().map_or_else(|| error.to_string(), |code| format!("{code:?}"))
}

fn refused(code: RDKafkaErrorCode) -> Result<(), String> {
    Err(format!("{code:?}"))
}

#[test]
fn each_service_writes_what_it_may_and_nothing_else() {
    test(|world| async {
        for part in PARTS.iter() {
            let kafka = connection(world, &part.service);
            for topic in topics() {
                let own = may(part, Resource::Topic(topic.name.clone()), Operation::Write);
                // What may be written is written by the services themselves, in the stories of orders.
                if !own {
                    let said = write(&kafka, &topic.name).await;
                    let expected = refused(RDKafkaErrorCode::TopicAuthorizationFailed);
                    assert_eq!(said, expected, "{} writes {}", part.service, topic.name);
                }
            }
        }
    });
}

#[test]
fn each_service_reads_what_it_declares_and_nothing_else() {
    test(|world| async {
        for part in PARTS.iter() {
            let kafka = connection(world, &part.service);
            for topic in topics() {
                let said = read(&kafka, &part.service, &topic.name).await;
                let expected = if may(part, Resource::Topic(topic.name.clone()), Operation::Read) {
                    Ok(())
                } else {
                    refused(RDKafkaErrorCode::TopicAuthorizationFailed)
                };
                assert_eq!(said, expected, "{} reads {}", part.service, topic.name);
            }
        }
    });
}

#[test]
fn no_service_joins_anothers_group() {
    test(|world| async {
        for part in PARTS.iter() {
            let kafka = connection(world, &part.service);
            for other in PARTS.iter().filter(|other| other.service != part.service) {
                let said = join(&kafka, &other.service, &part.reads[0]).await;
                let expected = refused(RDKafkaErrorCode::GroupAuthorizationFailed);
                assert_eq!(said, expected, "{} joins {}", part.service, other.service);
            }
        }
    });
}

#[test]
fn no_service_makes_topics_or_gives_access() {
    test(|world| async {
        let kafka = connection(world, "order");
        let made = create_topics(&kafka, &[TopicSpec::new("more-events", 1)]).await;
        assert!(made.as_ref().is_err_and(|error| error.to_string().contains("TopicAuthorizationFailed")), "{made:?}");
        let given = set_access(&kafka, &PARTS).await;
        let said = given.as_ref().map_err(|error| error.to_string());
        assert!(said.as_ref().is_err_and(|said| said.contains("needs ALTER permission")), "{said:?}");
    });
}

type Admin = AdminClient<DefaultClientContext>;

fn administrating(kafka: &Connection) -> (Admin, AdminOptions) {
    let options = AdminOptions::new().request_timeout(Some(PATIENCE)).operation_timeout(Some(PATIENCE));
    (kafka.config().create().expect("a client"), options)
}

/// A setting of each resource, as this user is told it. The Rust wrapper keeps a refusal to itself: a user who is refused gets
/// nothing.
async fn setting(kafka: &Connection, of: &[ResourceSpecifier<'_>], name: &str) -> Vec<Option<String>> {
    let (admin, options) = administrating(kafka);
    let answers = admin.describe_configs(of, &options).await.expect("answers");
    assert_eq!(answers.len(), of.len());
    let told = answers.into_iter().map(|answer| answer.ok()?.get(name)?.value.clone());
    told.collect()
}

#[test]
fn each_service_describes_the_settings_of_what_it_reads_and_of_nothing_else() {
    test(|world| async {
        let names: Vec<String> = topics().into_iter().map(|topic| topic.name).collect();
        let asked: Vec<_> = names.iter().map(|name| ResourceSpecifier::Topic(name)).collect();
        for part in PARTS.iter() {
            let kafka = connection(world, &part.service);
            for (name, told) in names.iter().zip(setting(&kafka, &asked, "retention.ms").await) {
                let allowed = may(part, Resource::Topic(name.clone()), Operation::DescribeConfigs);
                assert_eq!(told.is_some(), allowed, "{} describes {name}: {told:?}", part.service);
            }
            let broker = [ResourceSpecifier::Broker(1)];
            assert_eq!(setting(&kafka, &broker, "log.dirs").await, [None], "{} describes the broker", part.service);
            let administrator = setting(&world.system.broker.connection(), &broker, "log.dirs").await;
            assert!(administrator[0].is_some(), "which tells it to whom it may");
        }
    });
}

#[test]
fn no_service_alters_topics() {
    /// What no topic is made with.
    const TELLTALE: &str = "604800001";
    fn altering(name: &str) -> AlterConfig<'_> {
        AlterConfig::new(ResourceSpecifier::Topic(name)).set("retention.ms", TELLTALE)
    }
    test(|world| async {
        let administrator = world.system.broker.connection();
        create_topics(&administrator, &[TopicSpec::new("altered", 1)]).await.expect("a topic");
        let (admin, options) = administrating(&administrator);
        admin.alter_configs(&[altering("altered")], &options).await.expect("an answer");
        let altered = [ResourceSpecifier::Topic("altered")];
        let told = setting(&administrator, &altered, "retention.ms").await;
        assert_eq!(told, [Some(TELLTALE.to_owned())], "who may alter does");

        let names: Vec<String> = topics().into_iter().map(|topic| topic.name).collect();
        let asked: Vec<_> = names.iter().map(|name| ResourceSpecifier::Topic(name)).collect();
        for part in PARTS.iter() {
            let (admin, options) = administrating(&connection(world, &part.service));
            let alterations: Vec<_> = names.iter().map(|name| altering(name)).collect();
            admin.alter_configs(&alterations, &options).await.expect("answers");
            for (name, told) in names.iter().zip(setting(&administrator, &asked, "retention.ms").await) {
                assert_ne!(told.as_deref(), Some(TELLTALE), "{} alters {name}", part.service);
                assert!(told.is_some(), "{name} is there");
            }
        }
    });
}

#[test]
fn no_service_adds_partitions_or_deletes_topics() {
    test(|world| async {
        let names: Vec<String> = topics().into_iter().map(|topic| topic.name).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let more: Vec<_> = names.iter().map(|name| NewPartitions::new(name, 24)).collect();
        let refused = vec![Some(RDKafkaErrorCode::TopicAuthorizationFailed); names.len()];
        for part in PARTS.iter() {
            let (admin, options) = administrating(&connection(world, &part.service));
            let code = |answer: TopicResult| answer.err().map(|(_, code)| code);
            let grown = admin.create_partitions(&more, &options).await.expect("answers");
            let said: Vec<_> = grown.into_iter().map(code).collect();
            assert_eq!(said, refused, "{} adds partitions to {names:?}", part.service);
            let deleted = admin.delete_topics(&names, &options).await.expect("answers");
            let said: Vec<_> = deleted.into_iter().map(code).collect();
            assert_eq!(said, refused, "{} deletes {names:?}", part.service);
        }
    });
}

#[test]
fn no_client_gets_in_without_the_users_password() {
    test(|world| async {
        let said = read(&with(world, "order", "guess"), "order", "inventory-events").await;
        assert!(said.as_ref().is_err_and(|said| said != "TopicAuthorizationFailed"), "{said:?}");
        let plain = Connection::plain(world.system.broker.bootstrap());
        let said = read(&plain, "order", "inventory-events").await;
        assert!(said.is_err(), "without TLS: {said:?}");
    });
}

#[test]
fn what_no_part_asks_for_any_more_is_taken_away() {
    test(|world| async {
        // No service has this name, so that none is disturbed.
        let reading = |topics: &[&str]| Part {
            service: "auditor".to_owned(),
            reads: topics.iter().map(|topic| (*topic).to_owned()).collect(),
            ..Part::default()
        };
        let (wide, narrow) = (reading(&["order-events", "payment-events"]), reading(&["order-events"]));
        let admin = world.system.broker.connection();
        provision::kafka::set_passwords(&admin, vec![("auditor".into(), "secret".into())]).await.expect("a user");
        let auditor = with(world, "auditor", "secret");
        set_access(&admin, &[wide]).await.expect("access");
        assert_eq!(read(&auditor, "auditor", "payment-events").await, Ok(()));
        set_access(&admin, &[narrow]).await.expect("less access");
        let expected = refused(RDKafkaErrorCode::TopicAuthorizationFailed);
        world
            .until("the auditor reads orders only", || async {
                let seen = read(&auditor, "auditor", "payment-events").await;
                if seen == expected { Ok(()) } else { Err(format!("{seen:?}")) }
            })
            .await;
        assert_eq!(read(&auditor, "auditor", "order-events").await, Ok(()));
    });
}
