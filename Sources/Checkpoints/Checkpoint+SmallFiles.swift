package import Diagnostics
import Foundation
import JSONText
import Tensors

extension Checkpoint {
  /// Checks that the files that go along with the weights are what their names say, before they are copied.
  ///
  /// - Throws: `malformed`, naming file, line and column.
  package func requireReadableFiles() throws(InputError) {
    for name in otherFiles.flatMap(Self.copies).map(\.name) where name.hasSuffix(".json") {
      // A vocabulary may be long, settings are not.
      let limit = name.hasSuffix("config.json") ? configurationByteCountLimit : 1 << 30
      _ = try JSONValue.parse(contentsOf: folder.appending(path: name), limit: limit)
    }
  }

  /// Whether the model is one file, with its configuration in it.
  package var isOneFile: Bool { configurationFile == folder }

  /// Refuses a file of the folder that is a link to elsewhere.
  package func requireInside(_ name: String) throws(InputError) {
    // A model that is one file has no others.
    guard !isOneFile else { return }
    try FolderBounds(folder).require(folder.appending(path: name))
  }
}
