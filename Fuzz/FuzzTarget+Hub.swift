import Foundation
import Hub

extension FuzzTarget {
  /// A page of the list of a model's files, as a hub sends it.
  static let hubListing = FuzzTarget(
    name: "hub-listing",
    words: [
      "type", "file", "directory", "oid", "size", "path", "lfs", "../", "/", "\\u0000", "sha",
      "model.safetensors.index.json", "1e400", "-1", "9223372036854775808",
    ]
  ) { bytes in
    let files = try RemoteFile.files(json: bytes)
    for file in files where !RemoteFile.isInside(file.path) || file.path.hasPrefix("/") {
      fatalError("a file outside of its model")
    }
    let needed = try NeededFiles(of: files, model: "owner/name")
    _ = try needed.weights(index: nil)
  }

  /// A line of a header, or the name of a model.
  static let hubHeaders = FuzzTarget(
    name: "hub-headers", isJSON: false,
    words: [
      "<", ">", ";", "rel=", "next", "bytes ", "-", "/", "9223372036854775807", "@", "..", "refs/",
    ]
  ) { bytes in
    let text = String(decoding: bytes, as: UTF8.self)
    _ = HeaderFields.nextPage(text)
    if let sent = HeaderFields.contentRange(text), sent.range.upperBound >= sent.byteCount {
      fatalError("a range beyond its file")
    }
    guard let name = try ModelName(text) else { return }
    let cache = URL(filePath: "/cache")
    let place = CachedModel(name, cache: cache).snapshot("x").standardizedFileURL.path
    guard place.hasPrefix("/cache/models--"), !name.revision.contains("..") else {
      fatalError("a model outside of the cache")
    }
  }
}
