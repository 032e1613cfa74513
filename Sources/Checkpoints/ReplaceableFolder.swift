import Diagnostics
import Foundation
import JSONText
import Tensors

/// What speaks against replacing a folder with a checkpoint.
///
/// A mistaken path costs whatever is there, so a folder is replaced only where a checkpoint that this program
/// or another quantizer wrote is all that it can be, or where it is empty.
struct ReplaceableFolder {
  private let path: String

  init(_ path: String) { self.path = path }

  /// Why the folder has to stay; nil if it may be replaced.
  var objection: String? {
    if isAroundWorkingFolder { return "is the working folder, or around it" }
    guard let names = try? FileManager.default.contentsOfDirectory(atPath: path) else {
      return "cannot be listed"
    }
    if let name = names.sorted().first(where: isForeign) {
      return "holds \(quoted(name)), which is no part of a checkpoint"
    }
    guard names.isEmpty || isQuantized || isRecorded(names) else {
      return "holds files and no quantized checkpoint (a config.json with quantization_config, or "
        + "\(Self.sumsFile) with its name)"
    }
    return nil
  }

  /// The files with which this program says what it has written.
  private static let sumsFile = "SHA256SUMS"

  private var isAroundWorkingFolder: Bool {
    guard let folder = FileStatus(path: path)?.identity else { return false }
    return OutputLocation.foldersFromRoot(to: FileManager.default.currentDirectoryPath)
      .contains(folder)
  }

  /// Whether something can be no part of a checkpoint: a folder, but for one of templates, or the file that a
  /// repository has in place of a folder where it is part of another.
  private func isForeign(_ name: String) -> Bool {
    if name == ".git" { return true }
    return name != Checkpoint.templateFolder
      && FileStatus(path: path + "/" + name)?.isFolder == true
  }

  private var isQuantized: Bool {
    let file = path + "/" + Checkpoint.configurationFile
    guard let bytes = try? readFile(file, limit: Checkpoint.configurationLimit) else {
      return false
    }
    return (try? JSONValue.parse(bytes))?["quantization_config"]?.objectValue != nil
  }

  /// Whether the digests of a checkpoint's files are here: dense ones that this program wrote have no other
  /// mark.
  private func isRecorded(_ names: [String]) -> Bool {
    guard names.contains(Checkpoint.configurationFile),
      let bytes = try? readFile(path + "/" + Self.sumsFile, limit: 1 << 20)
    else { return false }
    return String(decoding: bytes, as: UTF8.self).split(separator: "\n")
      .contains { $0.hasSuffix("  " + Checkpoint.configurationFile) }
  }
}
