import Checkpoints
import Diagnostics
package import Foundation
import Quantization
package import Verification

extension VerificationReport {
  /// Adds a finding where this program's own readers refuse what all other checks have found sound.
  ///
  /// - Parameter folder: The checkpoint that was verified.
  package mutating func checkOwnReaders(_ folder: URL) {
    guard findings.isEmpty else { return }
    do {
      let checkpoint = try Checkpoint(opening: folder)
      for (module, scheme) in try CheckpointConversion.schemes(of: checkpoint).sorted(by: {
        $0.key < $1.key
      }) {
        try scheme.requireSupported(path: module)
        guard let weights = scheme.weights else { continue }
        _ = try checkpoint.shape(
          ofQuantized: module, weights, in: scheme.resolvedFormat.layout())
      }
    } catch let error as InputError {
      findings.append(
        .init(.contract, error.place ?? "config.json", "this program: \(error.message)"))
    } catch {
      findings.append(.init(.contract, "config.json", "this program: \(error)"))
    }
  }
}
