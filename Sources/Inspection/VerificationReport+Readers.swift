import Checkpoints
import Diagnostics
import Execution
package import Foundation
import JSONText
import LanguageModels
import ModelFamilies
import Quantization
import QuantizedCheckpoints
import Tokenization
package import Verification

extension VerificationReport {
  /// Adds a finding where this program's own readers refuse what all other checks have found sound.
  ///
  /// - Parameter folder: The checkpoint that was verified.
  package mutating func checkOwnReaders(_ folder: URL) {
    guard findings.isEmpty else { return }
    check("config.json") {
      let checkpoint = try Checkpoint(opening: folder)
      let quantized = try DequantizedCheckpoint(checkpoint)
      let schemes = quantized.schemes
      for (layer, scheme) in schemes.sorted(by: { $0.key < $1.key }) {
        try quantized.family.requireHolds(scheme, path: layer)
        if scheme.weights != nil { _ = try quantized.outline(of: layer) }
      }
      let configuration = JSONReader(checkpoint.configuration)
      guard Architectures.know(configuration) else { return }
      let description = try Architectures.describe(
        configuration, shapes: checkpoint.tensorShapes, folder: checkpoint.folder.path)
      try checkpoint.requireTensors(of: description) {
        schemes[$0]?.weights != nil
      }
    }
    // A model may come without a tokenizer, but not with one that cannot be read.
    let file = "tokenizer.json"
    guard
      FileManager.default.fileExists(
        atPath: folder.appending(path: file).path(percentEncoded: false))
    else { return }
    check(file) { _ = try Tokenizer(folder: folder) }
  }

  /// Adds what `read` throws as a finding in `file`.
  private mutating func check(_ file: String, _ read: () throws -> Void) {
    do {
      try read()
    } catch let error as InputError {
      findings.append(.init(.contract, error.place ?? file, "this program: \(error.message)"))
    } catch {
      findings.append(.init(.contract, file, "this program: \(error)"))
    }
  }
}
