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
    var path = ""
    let folder = try await download(dataset.name, as: text, onProgress) { files, _, fetch in
      path = try dataset.choose(among: files.map(\.path))
      try await fetch(files.first { $0.path == path }.map { [$0] } ?? [])
    }
    return folder.appending(path: path)
  }

  /// Whether a text is the name of a dataset's file, and not a path.
  public static func isDataset(_ text: String) throws(InputError) -> Bool {
    try dataset(text) != nil
  }

  /// The file of a dataset that is on this machine; nil if it is not, or if the text is a path.
  public func localDatasetFile(of text: String) throws(InputError) -> URL? {
    guard let dataset = try Self.dataset(text) else { return nil }
    return try localFile(of: dataset)
  }

  private static func dataset(_ text: String) throws(InputError) -> DatasetName? {
    isPath(text) ? nil : try DatasetName(text)
  }

  /// The file in the cache, if it is there. Which file is meant where none is named depends on all that the dataset has,
  /// of which a part may be there: the hub is asked, if it may be.
  private func localFile(of dataset: DatasetName) throws(InputError) -> URL? {
    guard dataset.file != nil || settings.isOffline else { return nil }
    let cached = CachedModel(dataset.name, cache: settings.cache)
    guard let commit = try cached.commit(of: dataset.name.revision) else { return nil }
    let folder = cached.snapshot(commit)
    let paths =
      FileManager.default.enumerator(atPath: folder.path)?.compactMap { $0 as? String } ?? []
    let files = paths.filter {
      FileStatus(path: folder.appending(path: $0).path)?.isRegularFile == true
    }
    guard let path = try? dataset.choose(among: files) else { return nil }
    return folder.appending(path: path)
  }
}
