import Diagnostics
import Foundation
import Tensors

extension Checkpoint {
  /// The weight files, by name, and remarks on what does no harm to them. One `model.safetensors` goes before
  /// an index, as in transformers.
  static func openFiles(
    _ folder: URL, _ bounds: FolderBounds
  ) throws(InputError) -> (files: [SafetensorsFile], remarks: [String]) {
    let single = folder.appending(path: "model.safetensors")
    let indexFile = folder.appending(path: ShardIndex.fileName)
    let hasIndex = FileStatus(path: indexFile.path) != nil
    if FileStatus(path: single.path) != nil {
      try bounds.require(single)
      let files = [try SafetensorsFile(opening: single)]
      let index = hasIndex ? try? ShardIndex(json: readFile(indexFile.path)) : nil
      var remarks = remarks(on: index, files, indexFile)
      let others = index?.shardNames.filter { $0 != single.lastPathComponent } ?? []
      if hasIndex, index == nil || !others.isEmpty {
        let reason = others.first.map { "names \(quoted($0))" } ?? "cannot be read"
        remarks = [
          "\(indexFile.path): \(reason) and is left aside, since there is model.safetensors; remove the one "
            + "that is out of date"
        ]
      }
      return (files, remarks + unread(folder, besides: files))
    }
    guard hasIndex else { throw noWeights(in: folder) }
    try bounds.require(indexFile)
    let index = try naming(indexFile.path) { () throws(InputError) in
      try ShardIndex(json: readFile(indexFile.path))
    }
    let files = try openShards(index, indexFile, bounds)
    return (files, remarks(on: index, files, indexFile) + unread(folder, besides: files))
  }

  private static func openShards(
    _ index: ShardIndex, _ indexFile: URL, _ bounds: FolderBounds
  ) throws(InputError) -> [SafetensorsFile] {
    var files: [String: SafetensorsFile] = [:]
    for (tensor, shard) in index.shardOfTensor.sorted(by: { $0.key < $1.key }) {
      let file: SafetensorsFile
      if let open = files[shard] {
        file = open
      } else {
        let url = indexFile.deletingLastPathComponent().appending(path: shard)
        guard FileStatus(path: url.path) != nil else {
          throw InputError(
            .missing, source: indexFile.path, place: place(ofTensor: tensor),
            "is in the shard \(quoted(shard)), which is not in the folder")
        }
        try bounds.require(url)
        file = try SafetensorsFile(opening: url)
        files[shard] = file
      }
      guard file.entry(tensor) != nil else {
        throw InputError(
          .missing, source: indexFile.path, place: place(ofTensor: tensor),
          "is not in the shard \(quoted(shard)), where the index says it is")
      }
    }
    return files.sorted { $0.key < $1.key }.map(\.value)
  }

  /// Where the index says less than the files, or something else. All tensors of the files are read all the
  /// same, as other programs do.
  private static func remarks(
    on index: ShardIndex?, _ files: [SafetensorsFile], _ indexFile: URL
  ) -> [String] {
    guard let index else { return [] }
    var remarks: [String] = []
    let entries = files.flatMap(\.entries)
    let unlisted = entries.filter { index.shardOfTensor[$0.name] == nil }
    if let first = unlisted.first {
      remarks.append(
        "\(indexFile.path): does not list \(unlisted.count) of \(entries.count) tensors of its files, "
          + "\(quoted(first.name)) among them; they are read all the same")
    }
    let total = entries.reduce(0) { $0 + $1.byteRange.count }
    if let said = index.tensorByteCount, said != total {
      remarks.append(
        "\(indexFile.path): total_size is \(said), but the tensors take \(total) bytes; that does no harm"
      )
    }
    return remarks
  }

  /// A remark on files that look like weights and belong to no model that is read here.
  private static func unread(_ folder: URL, besides files: [SafetensorsFile]) -> [String] {
    let read = Set(files.map(\.url.lastPathComponent))
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
    let others = names.filter { $0.hasSuffix(".safetensors") && !read.contains($0) }.sorted()
    guard let first = others.first else { return [] }
    let more = others.count > 1 ? " and \(others.count - 1) more" : ""
    return [
      "\(folder.appending(path: first).path)\(more): not part of the model, whose weights are in "
        + (read.count == 1 ? "\(read.first ?? "")" : "the files that the index names")
    ]
  }
}
