package import Checkpoints
package import Diagnostics
package import Foundation
package import GGUF
package import JSONText
import LanguageModels
import ModelFamilies
import Tensors

/// A file of llama.cpp as the model that it was made of.
///
/// The configuration is one by which the family gives the same metadata again: what was read is computed anew by the rules
/// that files are written by, and compared with what the file says.
package struct GGUFModel: Sendable {
  package let file: GGUFFile
  /// What `config.json` would say of it.
  package let configuration: JSONValue
  /// What a user should know of it.
  package let remarks: [String]
  /// What the tensors are made of that are read.
  package let outlines: [GGUFTensorOutline]
  package let tensors: GGUFTensors
  private let vocabularySize: Int

  /// - Throws: `InputError` naming file and key or tensor; `unsupported` for an architecture that is not known, and for
  ///   keys and tensors that nothing is known of.
  package init(opening url: URL) throws(InputError) {
    try self.init(GGUFFile(opening: url))
  }

  /// - Throws: What ``init(opening:)`` throws.
  package init(_ file: GGUFFile) throws(InputError) {
    do throws(InputError) {
      try self.init(reading: file)
    } catch {
      throw error.inSource(file.url.path)
    }
  }

  private init(reading file: GGUFFile) throws(InputError) {
    self.file = file
    let architecture = try GGUFArchitectures.architecture(of: file.metadata)
    let draft = try ConfigurationDraft(file, architecture)
    configuration = draft.value
    let reader = JSONReader(draft.value)
    let model = try Self.describing(reader)
    let facts = try ModelFacts(reader, model)
    remarks = try facts.requireFits(architecture)
    let rotary = try RotaryOutline(facts, architecture)
    try draft.requireAgreement(facts, rotary)

    // Types are those of the file.
    outlines = try TensorNamer(facts, architecture)
      .outline(model.tensors(dtype: .float32)).tensors
    tensors = try GGUFTensors(file, outlines)
    try Self.requireKnown(file, outlines, rotary, ahead: draft.blockCount..<draft.allBlockCount)
    vocabularySize = model.vocabularySize
  }

  /// What the family says of the configuration.
  private static func describing(_ reader: JSONReader) throws(InputError) -> ModelDescription {
    do {
      return try Architectures.describe(reader)
    } catch let error as InputError {
      throw error
    } catch {
      throw InputError(.malformed, "\(error)")
    }
  }

  /// Refuses tensors that the model does not have.
  ///
  /// - Parameter ahead: The blocks that only read ahead, which are left out.
  private static func requireKnown(
    _ file: GGUFFile, _ outlines: [GGUFTensorOutline], _ rotary: RotaryOutline, ahead: Range<Int>
  ) throws(InputError) {
    let known = Set(outlines.map(\.name) + rotaryTensors)
    for info in file.tensors where !known.contains(info.name) {
      let parts = info.name.split(separator: ".")
      if parts.count > 2, parts[0] == "blk", let block = Int(parts[1]), ahead.contains(block) {
        continue
      }
      throw InputError(
        .unsupported, place: "tensor \(quoted(info.name))",
        "is not known for models of this architecture and configuration")
    }
    for factors in rotary.factors {
      guard let info = file.info(factors.name) else { continue }
      let found = try file.numbers(info.name).floats()
      guard found.count == factors.numbers.count,
        zip(found, factors.numbers).allSatisfy({ abs($0 - $1) <= 1e-4 * abs($1) })
      else {
        throw InputError(
          .malformed, place: "tensor \(quoted(info.name))",
          "has other factors than the \(factors.numbers.count) that the model is read with")
      }
    }
  }

  private static let rotaryTensors = [
    "rope_freqs.weight", "rope_factors_long.weight", "rope_factors_short.weight",
  ]

  // MARK: As a checkpoint

  /// The model as a checkpoint, with a tokenizer if the file has one that is read.
  package var checkpoint: Checkpoint {
    var remarks = remarks
    var documents: [Checkpoint.Document] = []
    do throws(InputError) {
      documents = try tokenizerFiles()
    } catch {
      remarks.append("its tokenizer is not read: \(error)")
    }
    return Checkpoint(
      at: file.url, configuration: configuration, tensors: tensors, documents: documents,
      remarks: remarks)
  }

  /// The files of the tokenizer.
  ///
  /// - Throws: `missing` or `unsupported` for a file without one, or with one that is not read.
  package func tokenizerFiles() throws(InputError) -> [Checkpoint.Document] {
    do throws(InputError) {
      return try TokenizerDraft(file.metadata, rows: vocabularySize).files
    } catch {
      throw error.inSource(file.url.path)
    }
  }

  /// The file of llama.cpp that a path means: the file itself, or the only one in a folder without a configuration; nil
  /// for anything else.
  ///
  /// - Throws: `unsupported` for a folder with several.
  package static func file(at url: URL) throws(InputError) -> URL? {
    let manager = FileManager.default
    var isFolder: ObjCBool = false
    guard manager.fileExists(atPath: url.path, isDirectory: &isFolder) else { return nil }
    guard isFolder.boolValue else { return url.pathExtension == "gguf" ? url : nil }
    guard !manager.fileExists(atPath: url.appending(path: "config.json").path) else { return nil }
    let names = ((try? manager.contentsOfDirectory(atPath: url.path)) ?? [])
      .filter { $0.hasSuffix(".gguf") }.sorted()
    guard names.count < 2 else {
      throw InputError(
        .unsupported, source: url.path,
        "has \(names.count) files of llama.cpp, \(quoted(names[0])) the first; expected one, or the path of one of them"
      )
    }
    return names.first.map { url.appending(path: $0) }
  }
}

extension GGUFArchitectures {
  /// The architecture that a file names.
  static func architecture(of metadata: GGUFMetadata) throws(InputError) -> GGUFArchitecture {
    let keys = GGUFKeys(metadata: metadata, prefix: "general.")
    guard let name = try keys.string("architecture") else {
      throw keys.mismatch("architecture", "the name of the model's architecture")
    }
    guard let found = all.first(where: { $0.name == name }) else {
      throw InputError(
        .unsupported, place: keys.place("architecture"),
        "models of the architecture \(quoted(name)) are not read; those of these are: "
          + all.map(\.name).sorted().joined(separator: ", "))
    }
    return found
  }
}
