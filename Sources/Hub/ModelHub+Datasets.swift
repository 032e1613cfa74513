public import Diagnostics
public import Foundation
import Tensors

/// Datasets by their names, in the same cache.
extension ModelHub {
  /// The file of a dataset, which is downloaded into the cache if it is not on this machine.
  ///
  /// - Parameters:
  ///   - text: `owner/name`, whose one file of records or text is meant, or that for training; or
  ///     `hf://datasets/owner/name/file`. A name may have a revision, `owner/name@revision`.
  ///   - onProgress: As for ``folder(of:onProgress:)``.
  /// - Returns: Nil if the text is a path, whether there is something or not.
  /// - Throws: `InputError` that names the dataset and what is wrong; `CancellationError`.
  public func datasetFile(
    of text: String, onProgress: (@Sendable (DownloadProgress) -> Void)? = nil
  ) async throws -> URL? {
    guard let dataset = try Self.dataset(text) else { return nil }
    if let file = try localFile(of: dataset) { return file }
    guard !settings.isOffline else {
      throw InputError(
        .missing, source: text,
        "is no file, nor is the dataset in \(settings.cache.path); downloading it is switched off")
    }
    try settings.check()
    let connection = HubConnection(settings)
    defer { connection.close() }
    let name = dataset.name
    let listing = RemoteListing(name: name, connection: connection)
    let commit = try await listing.commit()
    let files = try await listing.files(of: commit)
    let path = try dataset.choose(among: files.map(\.path))
    guard let file = files.first(where: { $0.path == path }) else { return nil }
    let cached = CachedModel(name, cache: settings.cache)
    try cached.makeFolders()
    let progress = ProgressCounter(model: name.text, onProgress)
    progress.add([file])
    try requireRoom(for: [file], cached)
    try await BlobDownload(
      connection: connection, name: name, commit: commit, cached: cached, file: file,
      progress: progress
    ).run()
    try cached.record(commit, of: name.revision)
    return cached.snapshot(commit).appending(path: path)
  }

  /// Whether a text is the name of a dataset's file that is not on this machine.
  public func isMissingDataset(_ text: String) throws(InputError) -> Bool {
    guard let dataset = try Self.dataset(text) else { return false }
    return try localFile(of: dataset) == nil
  }

  private static func dataset(_ text: String) throws(InputError) -> DatasetName? {
    FileStatus(path: text) == nil ? try DatasetName(text) : nil
  }

  /// The file in the cache, if it is there.
  private func localFile(of dataset: DatasetName) throws(InputError) -> URL? {
    let cached = CachedModel(dataset.name, cache: settings.cache)
    guard let commit = try cached.commit(of: dataset.name.revision) else { return nil }
    let folder = cached.snapshot(commit)
    let paths =
      FileManager.default.enumerator(atPath: folder.path)?.compactMap { $0 as? String } ?? []
    let files = paths.filter {
      FileStatus(path: folder.appending(path: $0).path)?.isRegularFile == true
    }
    // What is there may be a part of the dataset.
    guard let path = try? dataset.choose(among: files) else { return nil }
    return folder.appending(path: path)
  }
}
