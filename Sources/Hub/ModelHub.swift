import Checkpoints
public import Diagnostics
public import Foundation
import Synchronization
import Tensors

/// Models by their names: folders of this machine, the cache of the hub's client, and a hub.
///
/// ```swift
/// let folder = try await ModelHub().folder(of: "Qwen/Qwen3-0.6B") { print($0.text) }
/// let job = QuantizationJob(model: folder, modifier: modifier, output: output)
/// ```
///
/// Nothing leaves the machine but the name of a model that is not on it, with its revision, what files of it are
/// wanted, and the user's token.
public struct ModelHub: Sendable {
  /// Where to look.
  public var settings: HubSettings
  /// Files that are downloaded at once.
  private static let parallelCount = 4

  /// Looks where the environment says.
  ///
  /// - Throws: `InputError` if the environment's token or address cannot be one.
  public init() throws(InputError) { settings = try HubSettings() }

  /// Looks where the settings say.
  public init(_ settings: HubSettings) { self.settings = settings }

  // MARK: What is on this machine

  /// Whether a text is a path that exists, or else could not be the name of a model.
  static func isPath(_ text: String) -> Bool {
    FileStatus(path: text) != nil || FileStatus(path: text, followingLinks: false) != nil
  }

  /// The folder of a checkpoint that is on this machine; nil if the text is the name of a model that is not.
  ///
  /// A text that is no name of the form `owner/name` or `owner/name@revision` is a path, whether there is something
  /// or not.
  ///
  /// - Throws: `InputError` if a name's revision, or what the cache says of it, makes no sense.
  public func localFolder(of text: String) throws(InputError) -> URL? {
    guard !Self.isPath(text), let name = try ModelName(text) else { return URL(filePath: text) }
    return try cachedFolder(of: name)
  }

  private func cachedFolder(of name: ModelName) throws(InputError) -> URL? {
    let cached = CachedModel(name, cache: settings.cache)
    guard let commit = try cached.commit(of: name.revision) else { return nil }
    let folder = cached.snapshot(commit)
    return NeededFiles.areAll(in: folder) ? folder : nil
  }

  /// What the hub calls the model that a text means; nil if the text is a path.
  ///
  /// - Throws: As ``localFolder(of:)``.
  public static func repository(of text: String) throws(InputError) -> String? {
    guard !isPath(text) else { return nil }
    return try ModelName(text)?.repository
  }

  // MARK: What is not

  /// The folder of a checkpoint, which is downloaded into the cache if it is not on this machine.
  ///
  /// A download that is cut off, by an error or because the task is cancelled, goes on where it was when it is asked
  /// for again.
  ///
  /// - Parameters:
  ///   - text: The path of a folder, or the name of a model: `owner/name`, or `owner/name@revision` with a branch, a tag
  ///     or a commit.
  ///   - onProgress: Told ten times a second how far a download is, on any thread, but never on two at once.
  /// - Throws: `InputError` that names the model, the file of it and what is wrong; `CancellationError`.
  public func folder(
    of text: String, onProgress: (@Sendable (DownloadProgress) -> Void)? = nil
  ) async throws -> URL {
    if let folder = try localFolder(of: text) { return folder }
    guard let name = try ModelName(text) else { return URL(filePath: text) }
    return try await download(name, as: text, onProgress) { files, folder, fetch in
      let needed = try NeededFiles(of: files, model: name.text)
      try await fetch(needed.beside)
      var index: [UInt8]?
      if needed.beside.contains(where: { $0.path == ShardIndex.fileName }) {
        let file = folder.appending(path: ShardIndex.fileName)
        index = try readFile(file.path, limit: NeededFiles.indexByteCountLimit)
      }
      try await fetch(needed.weights(index: index))
    }
  }

  /// Downloads what `body` chooses of the files that the hub lists.
  ///
  /// - Parameters:
  ///   - text: What errors call the name.
  ///   - body: Gets these files, the folder where they will be, and what downloads some of them.
  /// - Returns: The folder.
  func download(
    _ name: ModelName, as text: String, _ onProgress: (@Sendable (DownloadProgress) -> Void)?,
    _ body: (
      _ files: [RemoteFile], _ folder: URL, _ fetch: ([RemoteFile]) async throws -> Void
    ) async throws -> Void
  ) async throws -> URL {
    guard !settings.isOffline else {
      throw InputError(
        .missing, source: text,
        "is no \(name.kind.place), nor is the \(name.kind) in \(settings.cache.path); downloading it is switched off"
      )
    }
    try settings.check()
    let connection = HubConnection(settings)
    defer { connection.close() }
    let listing = RemoteListing(name: name, connection: connection)
    let commit = try await listing.commit()
    let cached = CachedModel(name, cache: settings.cache)
    let folder = cached.snapshot(commit)
    let progress = ProgressCounter(model: name.text, onProgress)
    try await body(try await listing.files(of: commit), folder) { files in
      try cached.makeFolders()
      progress.add(files)
      try requireRoom(for: files, cached)
      let downloads = files.map {
        BlobDownload(
          connection: connection, name: name, commit: commit, cached: cached, file: $0,
          progress: progress)
      }
      try await Self.run(downloads)
    }
    try cached.record(commit, of: name.revision)
    return folder
  }

  private static func run(_ downloads: [BlobDownload]) async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
      for (index, download) in downloads.enumerated() {
        if index >= parallelCount { try await group.next() }
        group.addTask { try await download.run() }
      }
      try await group.waitForAll()
    }
  }

  /// Refuses to begin what the disk cannot hold.
  private func requireRoom(for files: [RemoteFile], _ cached: CachedModel) throws(InputError) {
    var missing = 0
    for file in files {
      let blob = cached.blob(file.digest)
      let there =
        [blob, blob + ".incomplete"].lazy
        .compactMap { FileStatus(path: $0, followingLinks: false)?.byteCount }.first ?? 0
      missing += max(0, file.byteCount - there)
    }
    guard let free = OutputFile.freeByteCount(cached.folder), missing > free else { return }
    throw InputError(
      .unwritable, source: cached.folder,
      "\(missing) bytes are to come, and \(free) are free on its disk; HF_HUB_CACHE can be a folder elsewhere"
    )
  }
}
