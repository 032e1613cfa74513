public import Foundation

extension InputError: LocalizedError {
  /// What `localizedDescription` gives: the same as ``description``.
  public var errorDescription: String? { description }
}
