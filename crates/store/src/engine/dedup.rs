//! Staging a request: is it new, does it repeat something, does it contradict something? Exact: what a hash suggests
//! is compared with the row itself, wherever that lies.

use std::collections::HashMap;
use std::sync::Arc;

use actarium_core::row::{COLUMNS, Column, Micros, RowView, id_scope};
use actarium_core::tree::Frontier;

use super::append::{AppendError, Conflicting, DuplicateScope, FirstSeen, NewOrganization, Recorded};
use super::codec::decode_batch;
use super::committer::{Committer, Writer, refuse};
use super::ids::UnsealedIds;
use super::leaves::TreeBuilder;
use super::loading::segment_unread;
use super::log::Log;
use super::queue::{Part, Request};
use super::snapshot::ReadError;
use super::staging::{Accepted, Resolution, Staged, StagedLog, idempotency_digest, idempotency_record, repeated};
use super::tail::with_row;
use crate::backend::{BackendError, Head, JournalExtent, Overview};
use crate::committed::CommittedRows;
use crate::organization::{NAME_BYTES_MAX, Organization, OrganizationId, is_slug};
use crate::segment::{ExternalId, SegmentError};

/// Rows read at once from a segment to compare repeats with: repeats come in runs.
const COMPARE_ROWS: u64 = 1_024;

/// Why a request is not part of this commit.
enum NotStaged {
    Refused(AppendError),
    /// It depends on something that is staged and may still fail.
    NextCommit,
}

impl From<AppendError> for NotStaged {
    fn from(error: AppendError) -> Self {
        Self::Refused(error)
    }
}

impl Committer {
    /// Looks at a request and adds what is new of it to the commit, or answers it.
    pub(super) fn stage(&mut self, staged: &mut Staged, request: Request, now: Micros) {
        if staged.collides(&request) {
            staged.deferred.push(request);
            return;
        }
        match self.stage_parts(staged, &request, now) {
            Ok(answers) => staged.accepted.push(Accepted { request, answers }),
            Err(NotStaged::NextCommit) => staged.deferred.push(request),
            Err(NotStaged::Refused(error)) => refuse(&self.shared.counters, request, error),
        }
    }

    fn stage_parts(
        &mut self,
        staged: &mut Staged,
        request: &Request,
        now: Micros,
    ) -> Result<Vec<(OrganizationId, Vec<Recorded>)>, NotStaged> {
        if let Some(answer) = self.sent_before(staged, request, now)? {
            return Ok(vec![answer]);
        }
        let new_logs = self.new_logs(&request.organizations, now)?;
        for part in &request.parts {
            self.open_log(staged, &new_logs, part.organization, now)?;
        }
        let mut resolutions = Vec::with_capacity(request.parts.len());
        for part in &request.parts {
            match self.resolve(&staged.logs[&part.organization], part, now) {
                Ok(resolution) => resolutions.push(resolution),
                Err(refused) => {
                    self.forget_staged_ids(staged, &request.parts[..=resolutions.len()]);
                    return Err(refused);
                }
            }
        }
        // Nothing can fail from here on.
        let mut answers = Vec::with_capacity(request.parts.len());
        for (part, resolution) in request.parts.iter().zip(&resolutions) {
            let log = staged.logs.get_mut(&part.organization).expect("opened above");
            answers.push((part.organization, log.apply(part, resolution)));
        }
        staged.new_organizations.extend(new_logs);
        staged.stage_directory(request);
        if let (Some(key), Some((organization, events))) = (&request.idempotency_key, answers.first()) {
            let record = idempotency_record(*organization, key, events, now);
            staged.idempotency.insert((*organization, record.digest), record);
        }
        Ok(answers)
    }

    /// The answer to a request that was recorded before under the same idempotency key.
    fn sent_before(
        &self,
        staged: &Staged,
        request: &Request,
        now: Micros,
    ) -> Result<Option<(OrganizationId, Vec<Recorded>)>, NotStaged> {
        let (Some(key), Some(part)) = (&request.idempotency_key, request.parts.first()) else { return Ok(None) };
        let digest = idempotency_digest(key);
        if staged.idempotency.contains_key(&(part.organization, digest)) {
            return Err(NotStaged::NextCommit);
        }
        let found = self.shared.backend.find_idempotency(part.organization, &digest);
        let window = self.shared.idempotency_window.as_micros() as Micros;
        match found.map_err(|error| backend_refusal(&error))? {
            Some(record) if record.recorded_at.saturating_add(window) < now => Ok(None),
            Some(record) if record.body == key.body => Ok(Some((part.organization, repeated(&record)))),
            Some(_) => Err(AppendError::KeyConflict.into()),
            None => Ok(None),
        }
    }

    /// The logs of organizations that the request creates.
    fn new_logs(
        &mut self,
        organizations: &[NewOrganization],
        now: Micros,
    ) -> Result<Vec<(Organization, Arc<Log>)>, AppendError> {
        let mut created: Vec<(Organization, Arc<Log>)> = Vec::with_capacity(organizations.len());
        for new in organizations {
            check_names(new)?;
            let logs = self.shared.logs.read();
            let taken = logs.by_slug.contains_key(&new.slug) || logs.by_id.contains_key(&new.id);
            if taken || created.iter().any(|(other, _)| other.slug == new.slug || other.id == new.id) {
                return Err(AppendError::OrganizationExists { slug: new.slug.clone() });
            }
            let organization =
                Organization { id: new.id, slug: new.slug.clone(), name: new.name.clone(), created_at: now };
            let frontier = Frontier::new();
            let overview = Overview {
                organization: organization.clone(),
                head: Head { size: 0, root: frontier.root(), recorded_at: now, frontier: frontier.to_bytes() },
                sealed_end: 0,
                journal: JournalExtent::default(),
            };
            created.push((organization, Arc::new(Log::new(&overview, Vec::new(), None))));
        }
        Ok(created)
    }

    /// Makes sure that a log can be written to and has its place in the commit.
    fn open_log(
        &mut self,
        staged: &mut Staged,
        new_logs: &[(Organization, Arc<Log>)],
        organization: OrganizationId,
        now: Micros,
    ) -> Result<(), AppendError> {
        if staged.logs.contains_key(&organization) {
            return Ok(());
        }
        let created = |(new, log): &(Organization, Arc<Log>)| (new.id == organization).then(|| log.clone());
        let created = new_logs.iter().chain(&staged.new_organizations).find_map(created);
        let log = match &created {
            Some(log) => log.clone(),
            None => self.shared.log(organization).ok_or(AppendError::UnknownOrganization)?,
        };
        if let Some(detail) = log.state.lock().damaged.clone() {
            return Err(AppendError::Damaged { organization: log.organization.slug.clone(), detail });
        }
        let commit = self.commit_number();
        let writer = self.writers.entry(organization).or_default();
        writer.last_used = commit;
        if writer.tree.is_none() {
            match created {
                Some(_) => writer.tree = Some(TreeBuilder::new(Frontier::new())),
                None => self.load_tree(&log)?,
            }
        }
        let head = log.state.lock().head;
        let behind = head.recorded_at.saturating_sub(now);
        if behind > self.shared.limits.clock_behind_max.as_micros() as Micros {
            let behind = std::time::Duration::from_micros(behind as u64);
            return Err(AppendError::ClockBehind { behind });
        }
        let recorded_at = now.max(head.recorded_at);
        let staged_log = StagedLog { log, base: head.size, recorded_at, rows: Default::default() };
        staged.logs.insert(organization, staged_log);
        Ok(())
    }

    /// Where each event of a part is or goes. Ids of new rows are in the log's table afterwards.
    fn resolve(&mut self, staged: &StagedLog, part: &Part, now: Micros) -> Result<Resolution, NotStaged> {
        if !(0..part.rows.len()).any(|index| part.rows.has(index, Column::ExternalId)) {
            return Ok(Resolution::AllNew);
        }
        let mut writer = self.writers.remove(&part.organization).expect("opened before");
        let resolution = self.resolve_ids(&mut writer, staged, part, now);
        self.writers.insert(part.organization, writer);
        resolution
    }

    fn resolve_ids(
        &mut self,
        writer: &mut Writer,
        staged: &StagedLog,
        part: &Part,
        now: Micros,
    ) -> Result<Resolution, NotStaged> {
        let ids = match &mut writer.ids {
            Some(ids) => ids,
            missing => missing.insert(self.load_ids(&staged.log)?),
        };
        let sealed = self.find_sealed(staged, part, ids.base(), now)?;
        let first = staged.next_seq();
        let mut new_rows: Vec<u32> = Vec::with_capacity(part.rows.len());
        let mut places: Option<Vec<Result<Recorded, usize>>> = None;
        let mut conflicts = Vec::new();
        'events: for index in 0..part.rows.len() {
            let mut place = Err(new_rows.len());
            let [sender, external_id] = part.rows.texts(index, [Column::Sender, Column::ExternalId]);
            if let Some(external_id) = external_id {
                let hash = self.hasher.hash(sender.map(id_scope), external_id);
                let candidates: Vec<u64> =
                    ids.find(hash).chain(sealed.get(&index).into_iter().flatten().copied()).collect();
                for seq in candidates {
                    match self.compare(staged, part, &new_rows, index, seq)? {
                        Compared::OtherId => continue,
                        Compared::Same { .. } if seq >= first => place = Err((seq - first) as usize),
                        Compared::Same { recorded_at } => place = Ok(Recorded { seq, recorded_at, duplicate: true }),
                        Compared::OtherContent if seq >= staged.base && seq < first => {
                            return Err(NotStaged::NextCommit);
                        }
                        Compared::OtherContent => {
                            let first = match seq.checked_sub(first) {
                                Some(number) => FirstSeen::SameBatch { index: new_rows[number as usize] as usize },
                                None => FirstSeen::Recorded { seq },
                            };
                            conflicts.push(Conflicting { index, first });
                            continue 'events;
                        }
                    }
                    break;
                }
                if place == Err(new_rows.len()) {
                    ids.insert(hash, first + new_rows.len() as u64);
                }
            }
            if place == Err(new_rows.len()) {
                new_rows.push(index as u32);
            } else if places.is_none() {
                places = Some((0..index).map(Err).collect());
            }
            if let Some(places) = &mut places {
                places.push(place);
            }
        }
        if !conflicts.is_empty() {
            return Err(AppendError::Conflict { events: conflicts }.into());
        }
        Ok(places.map_or(Resolution::AllNew, Resolution::Mixed))
    }

    /// The external ids of the unsealed rows, read back.
    fn load_ids(&self, log: &Log) -> Result<UnsealedIds, AppendError> {
        let taken = self.shared.with_all_rows(log, |state| (state.sealed_end, state.tail.batches()));
        let (sealed_end, batches) = taken.map_err(read_refusal)?;
        let mut ids = UnsealedIds::new(sealed_end);
        for batch in &batches {
            for (seq, _, row) in batch.rows.iter() {
                if let Some(external_id) = row.get(Column::ExternalId)
                    && seq >= sealed_end
                {
                    ids.insert(self.hasher.hash(row.get(Column::Sender).map(id_scope), external_id), seq);
                }
            }
        }
        Ok(ids)
    }

    /// Rows of segments that have one of the part's external ids, by index of the event; the table covers the rest.
    fn find_sealed(
        &self,
        staged: &StagedLog,
        part: &Part,
        table_base: u64,
        now: Micros,
    ) -> Result<HashMap<usize, Vec<u64>>, AppendError> {
        let mut found: HashMap<usize, Vec<u64>> = HashMap::new();
        if table_base == 0 {
            return Ok(found);
        }
        let segments = self.shared.segments(&staged.log).map_err(read_refusal)?;
        let since = now.saturating_sub(self.shared.idempotency_window.as_micros() as Micros);
        let in_scope = |recorded_to: Micros| part.duplicates == DuplicateScope::WholeLog || recorded_to >= since;
        let mut wanted = Vec::new();
        let mut indexes = Vec::new();
        for segment in segments.iter() {
            let summary = segment.summary();
            if summary.first_seq >= table_base || !in_scope(summary.recorded.1) {
                continue;
            }
            if wanted.is_empty() {
                for index in 0..part.rows.len() {
                    let [sender, external_id] = part.rows.texts(index, [Column::Sender, Column::ExternalId]);
                    if let Some(external_id) = external_id {
                        wanted.push(ExternalId { sender, external_id });
                        indexes.push(index);
                    }
                }
            }
            let rows = segment.find_external_ids(&wanted).map_err(|error| segment_refusal(&staged.log, &error))?;
            for (wanted, seq) in rows {
                found.entry(indexes[wanted]).or_default().push(seq);
            }
        }
        Ok(found)
    }

    /// Compares an event with the row that may be its first record.
    fn compare(
        &mut self,
        staged: &StagedLog,
        part: &Part,
        new_rows: &[u32],
        index: usize,
        seq: u64,
    ) -> Result<Compared, AppendError> {
        let event = part.rows.row(index);
        let first = staged.next_seq();
        if seq >= first {
            let other = part.rows.row(new_rows[(seq - first) as usize] as usize);
            return Ok(compare_rows(&event, &other, staged.recorded_at));
        }
        if seq >= staged.base {
            return Ok(compare_rows(&event, &staged.rows.row((seq - staged.base) as usize), staged.recorded_at));
        }
        let compared = |row: RowView<'_>, recorded_at: Micros| compare_rows(&event, &row, recorded_at);
        if let Some(compared) = staged.log.state.lock().tail.with_row(seq, compared) {
            return Ok(compared);
        }
        let compared = |row: RowView<'_>, recorded_at: Micros| compare_rows(&event, &row, recorded_at);
        let rows = self.read_back(&staged.log, seq)?;
        Ok(with_row(rows, seq, compared))
    }

    /// Rows around one that is not in memory, from journal or segment.
    fn read_back(&mut self, log: &Log, seq: u64) -> Result<&CommittedRows, AppendError> {
        let id = log.organization.id;
        let has = |kept: &(OrganizationId, CommittedRows)| {
            kept.0 == id && (kept.1.first_seq..kept.1.end_seq()).contains(&seq)
        };
        if !self.last_read.as_ref().is_some_and(has) {
            let rows = self.read_from_disk(log, seq)?;
            self.last_read = Some((id, rows));
        }
        Ok(&self.last_read.as_ref().expect("just read").1)
    }

    fn read_from_disk(&self, log: &Log, seq: u64) -> Result<CommittedRows, AppendError> {
        let id = log.organization.id;
        let damaged = |detail: String| AppendError::Damaged { organization: log.organization.slug.clone(), detail };
        while log.state.lock().sealed_end <= seq {
            let batches = self.shared.backend.read(id, seq, 1).map_err(|error| backend_refusal(&error))?;
            if let Some(batch) = batches.first()
                && batch.first_seq <= seq
            {
                return decode_batch(batch).map_err(damaged);
            }
            if !self.shared.sealed_meanwhile(log, seq).map_err(read_refusal)? {
                return Err(damaged(format!("event {seq} is neither in the journal nor in a segment")));
            }
        }
        let segments = self.shared.segments(log).map_err(read_refusal)?;
        let at = segments.partition_point(|segment| segment.end_seq() <= seq);
        let Some(segment) = segments.get(at) else {
            return Err(damaged(format!("event {seq} is neither in the journal nor in a segment")));
        };
        let end = (seq + COMPARE_ROWS).min(segment.end_seq());
        segment.read(seq..end).map_err(|error| segment_refusal(log, &error))
    }

    /// Takes the ids of a refused request out of the tables again.
    fn forget_staged_ids(&mut self, staged: &Staged, parts: &[Part]) {
        for part in parts {
            let next_seq = staged.logs[&part.organization].next_seq();
            if let Some(ids) = self.writers.get_mut(&part.organization).and_then(|writer| writer.ids.as_mut()) {
                ids.forget_from(next_seq);
            }
        }
    }
}

enum Compared {
    /// The row has another id; their hashes met.
    OtherId,
    /// The row is what the event would become.
    Same { recorded_at: Micros },
    /// The same id with something else.
    OtherContent,
}

/// Compares an event that comes in with a row of the log. Without a time of occurrence it means the time of recording.
fn compare_rows(event: &RowView<'_>, row: &RowView<'_>, recorded_at: Micros) -> Compared {
    let scopes = [event, row].map(|row| row.get(Column::Sender).map(id_scope));
    if event.get(Column::ExternalId) != row.get(Column::ExternalId) || scopes[0] != scopes[1] {
        return Compared::OtherId;
    }
    let same_time = match event.occurred_at {
        Some(at) => row.occurred_at.unwrap_or(recorded_at) == at,
        None => row.occurred_at.is_none_or(|at| at == recorded_at),
    };
    // Whichever credential brings it by an adapter, it is the same event.
    let same_text = |column: usize| column == Column::Sender as usize || event.texts[column] == row.texts[column];
    let same_texts = (0..COLUMNS).all(same_text);
    if same_time && same_texts { Compared::Same { recorded_at } } else { Compared::OtherContent }
}

fn check_names(new: &NewOrganization) -> Result<(), AppendError> {
    if !is_slug(&new.slug) {
        let detail =
            format!("{:?} is no slug: lower-case letters, digits and dashes, 1 to 63, not a dash first", new.slug);
        return Err(AppendError::Invalid { detail });
    }
    if new.name.is_empty() || new.name.len() > NAME_BYTES_MAX {
        return Err(AppendError::Invalid { detail: format!("a name has 1 to {NAME_BYTES_MAX} bytes") });
    }
    Ok(())
}

fn backend_refusal(error: &BackendError) -> AppendError {
    match error {
        BackendError::Full => AppendError::Full,
        other => AppendError::Unavailable { detail: other.to_string() },
    }
}

fn read_refusal(error: ReadError) -> AppendError {
    match error {
        ReadError::UnknownOrganization => AppendError::UnknownOrganization,
        ReadError::Unavailable { detail } => AppendError::Unavailable { detail },
        ReadError::Damaged { organization, detail } => AppendError::Damaged { organization, detail },
    }
}

fn segment_refusal(log: &Log, error: &SegmentError) -> AppendError {
    read_refusal(segment_unread(&log.organization, error))
}
