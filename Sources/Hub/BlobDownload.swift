import Diagnostics
import Foundation
import Synchronization
import Tensors

/// The download of one file of a model into the cache.
struct BlobDownload: Sendable {
  let connection: HubConnection
  let name: ModelName
  let commit: String
  let cached: CachedModel
  let file: RemoteFile
  let progress: ProgressCounter

  private var subject: RequestSubject { RequestSubject(model: name, file: file.path) }

  /// Makes sure that the blob is there and gives it the file's name.
  func run() async throws {
    if isThere {
      progress.have(file.byteCount)
    } else {
      let lock = try await BlobLock(cached.lock(file.digest))
      // Another process may have had it until now.
      if isThere { progress.have(file.byteCount) } else { try await download() }
      withExtendedLifetime(lock) {}
    }
    try cached.link(file, in: commit)
    progress.finishFile()
  }

  private var isThere: Bool {
    let status = FileStatus(path: cached.blob(file.digest), followingLinks: false)
    return status?.isRegularFile == true && status?.byteCount == file.byteCount
  }

  private func download() async throws {
    let partial = try PartialBlob(
      file, called: subject.name, target: cached.blob(file.digest))
    progress.have(partial.byteCount)
    try await fetch(partial)
    if !partial.isIntact, partial.inheritedByteCount > 0 {
      // What was there already may be to blame.
      try restart(partial)
      try await fetch(partial)
    }
    guard partial.isIntact else {
      partial.remove()
      throw InputError(
        .malformed, source: subject.name,
        "what came is not what the hub lists: its digest is not \(file.digest.text)")
    }
    try partial.finish()
  }

  private func restart(_ partial: PartialBlob) throws(InputError) {
    progress.have(-partial.byteCount)
    try partial.restart()
  }

  /// Asks for one piece after the other, and again for what did not come.
  private func fetch(_ partial: PartialBlob) async throws {
    while !partial.isComplete {
      try await connection.retrying(progress: { partial.byteCount }) {
        if !partial.isComplete { try await fetchPiece(partial) }
      }
    }
  }

  private func fetchPiece(_ partial: PartialBlob) async throws {
    let start = partial.byteCount
    let end = min(file.byteCount, start + connection.settings.pieceByteCount)
    let isWhole = start == 0 && end == file.byteCount
    let expected = Mutex(end)
    let address = connection.address(
      name.kind.addressWords + name.words + ["resolve", commit]
        + file.path.split(separator: "/").map(String.init))
    do {
      _ = try await connection.get(
        address, isWhole ? [:] : ["Range": "bytes=\(start)-\(end - 1)"], about: subject,
        onHead: { head in
          expected.withLock { $0 = head.status == 206 ? end : file.byteCount }
          try check(head, start..<end)
          if head.status != 206, partial.byteCount > 0 { try restart(partial) }
        },
        onBody: { bytes in
          try partial.append(bytes)
          progress.receive(bytes.count)
        })
    } catch var failure as TransferFailure where start > 0 && failure.status == 416 {
      // The hub has no such bytes: what is there is not what it has.
      try restart(partial)
      failure.isTransient = true
      throw failure
    }
    let wanted = expected.withLock { $0 }
    guard partial.byteCount == wanted else {
      throw TransferFailure(
        error: InputError(
          .malformed, source: subject.name,
          "\(partial.byteCount) bytes came where \(wanted) were to come"),
        isTransient: true)
    }
  }

  /// Refuses an answer that contradicts the list of files before its body comes.
  private func check(_ head: AnswerHead, _ range: Range<Int>) throws(InputError) {
    func refusal(_ what: String) -> InputError {
      InputError(.malformed, source: subject.name, what)
    }
    var length = file.byteCount
    if head.status == 206 {
      guard let sent = head.fields["content-range"].flatMap(HeaderFields.contentRange),
        sent.range == range.lowerBound...range.upperBound - 1, sent.byteCount == file.byteCount
      else {
        throw refusal(
          "the hub sends \(quoted(head.fields["content-range"] ?? "")) where bytes \(range.lowerBound) to "
            + "\(range.upperBound - 1) of \(file.byteCount) were asked for")
      }
      length = range.count
    }
    if let announced = head.fields["content-length"].flatMap(HeaderFields.number),
      announced != length
    {
      throw refusal("the hub announces \(announced) bytes, and lists \(length)")
    }
  }
}
